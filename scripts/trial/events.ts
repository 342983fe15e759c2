import type {Redis} from 'ioredis';
import {PREFIX} from '../work/queue/redis.js';

/** How often each job of a queue was begun, finished and failed, by what Redis has written down. */
export interface Counts {
  jobs: number;
  /** Most often that any job was begun, or finished. */
  begun: number;
  finished: number;
  /** Jobs that were begun more than once. */
  again: number;
  /** Jobs whose worker was lost. */
  stalled: number;
  failed: number;
}

export async function countEvents(
  redis: Redis,
  queue: string,
): Promise<Counts> {
  const stream = await redis.xrange(`${PREFIX}:${queue}:events`, '-', '+');
  const of = (wanted: string) => {
    const times = new Map<string, number>();
    for (const [, fields] of stream) {
      const event = fields[fields.indexOf('event') + 1];
      const id = fields[fields.indexOf('jobId') + 1];
      if (event === wanted) times.set(id, (times.get(id) ?? 0) + 1);
    }
    return times;
  };
  const most = (times: Map<string, number>) => Math.max(0, ...times.values());
  const active = of('active');
  const completed = of('completed');
  return {
    jobs: of('added').size,
    begun: most(active),
    finished: most(completed),
    again: [...active.values()].filter(n => n > 1).length,
    stalled: of('stalled').size,
    failed: of('failed').size,
  };
}
