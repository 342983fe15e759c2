/** The share of the work that one of several runs does. */
export interface Shard {
  /** From 1 to `count`. */
  index: number;
  count: number;
}

/**
 * Parses `i/n`, with i from 1 to n.
 *
 * @throws Error with one sentence if it is something else.
 */
export function parseShard(text: string): Shard {
  const [, first, second] = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim()) ?? [];
  const [index, count] = [Number(first), Number(second)];
  if (!(index >= 1 && index <= count)) {
    throw new Error(
      `A shard is written i/n with i from 1 to n, for instance 2/8, but '${text}' is not.`,
    );
  }
  return {index, count};
}

type Environment = Record<string, string | undefined>;

/**
 * The shard that a scheduler gives this process: the task of a Slurm array, or
 * the pod of a Kubernetes indexed job. Kubernetes sets JOB_COMPLETION_INDEX
 * only; the job's manifest has to set JOB_COMPLETIONS.
 *
 * @throws Error with one sentence if the variables do not give a shard.
 */
export function schedulerShard(
  env: Environment = process.env,
): (Shard & {source: string}) | undefined {
  if (env.SLURM_ARRAY_TASK_ID !== undefined) return slurmShard(env);
  if (env.JOB_COMPLETION_INDEX === undefined) return undefined;
  const count = wholeNumber(env, 'JOB_COMPLETIONS');
  const index = wholeNumber(env, 'JOB_COMPLETION_INDEX') + 1;
  if (index > count) {
    throw new Error(
      `JOB_COMPLETION_INDEX is ${index - 1}, but JOB_COMPLETIONS is ${count}: the index is below it.`,
    );
  }
  return {index, count, source: 'JOB_COMPLETION_INDEX'};
}

function slurmShard(env: Environment): Shard & {source: string} {
  const id = wholeNumber(env, 'SLURM_ARRAY_TASK_ID');
  const count = wholeNumber(env, 'SLURM_ARRAY_TASK_COUNT');
  const min = wholeNumber({SLURM_ARRAY_TASK_MIN: '0', ...env}, MIN);
  const step = wholeNumber({SLURM_ARRAY_TASK_STEP: '1', ...env}, STEP);
  const index = (id - min) / step + 1;
  // Slurm calls the step of a list such as 1,4,6 1: its tasks are no i of n.
  if (!(Number.isInteger(index) && index >= 1 && index <= count)) {
    throw new Error(
      `Task ${id} of the Slurm array is not in a range of ${count} tasks from ${min} in steps of ${step}: give --shard i/n.`,
    );
  }
  return {index, count, source: 'SLURM_ARRAY_TASK_ID'};
}

const MIN = 'SLURM_ARRAY_TASK_MIN';
const STEP = 'SLURM_ARRAY_TASK_STEP';

function wholeNumber(env: Environment, name: string): number {
  const text = env[name];
  if (text === undefined || !/^\d{1,9}$/.test(text)) {
    throw new Error(
      text === undefined
        ? `${name} is not set: set it to the number of tasks, or give --shard i/n.`
        : `${name} must be a whole number, but is '${text}'.`,
    );
  }
  return Number(text);
}

/**
 * The items of a shard, in their order. Items are dealt in the order of their
 * names, which are hashes: neighbors cost much the same, so dealing them in their
 * own order could give one shard all that is expensive.
 */
export function shardOf<T extends {name: string}>(
  items: T[],
  {index, count}: Shard,
): T[] {
  const names = [...new Set(items.map(({name}) => name))].sort();
  const mine = new Set(names.filter((_, i) => i % count === index - 1));
  return items.filter(({name}) => mine.has(name));
}
