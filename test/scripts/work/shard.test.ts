import test from 'ava';
import fc from 'fast-check';
import {
  parseShard,
  schedulerShard,
  shardOf,
} from '../../../scripts/work/shard.js';

test('a shard is i/n with i from 1 to n', t => {
  t.deepEqual(parseShard('2/8'), {index: 2, count: 8});
  for (const text of ['0/4', '5/4', '1', '1/0', 'a/b', '1/2/3', '-1/2', '']) {
    t.throws(() => parseShard(text), {message: /i from 1 to n/}, text);
  }
});

test('shards are disjoint, together are everything, in order, and are of equal size', t => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({minLength: 1, maxLength: 8})),
      fc.integer({min: 1, max: 12}),
      (names, count) => {
        const items = names.map(name => ({name}));
        const shards = Array.from({length: count}, (_, i) =>
          shardOf(items, {index: i + 1, count}),
        );
        const all = shards.flat();
        t.is(all.length, items.length);
        t.is(new Set(all).size, items.length);
        const sizes = shards.map(shard => shard.length);
        t.true(Math.max(...sizes) - Math.min(...sizes) <= 1);
        for (const shard of shards) {
          const places = shard.map(item => items.indexOf(item));
          t.deepEqual(
            places,
            places.toSorted((a, b) => a - b),
          );
        }
      },
    ),
  );
});

test('a task of a Slurm array is its shard', t => {
  const task = (id: string, count: string, rest: object = {}) =>
    schedulerShard({
      SLURM_ARRAY_TASK_ID: id,
      SLURM_ARRAY_TASK_COUNT: count,
      ...rest,
    });
  const source = 'SLURM_ARRAY_TASK_ID';
  t.deepEqual(task('0', '4'), {index: 1, count: 4, source});
  const from1 = {SLURM_ARRAY_TASK_MIN: '1'};
  t.deepEqual(task('4', '4', from1), {index: 4, count: 4, source});
  const steps = {SLURM_ARRAY_TASK_MIN: '10', SLURM_ARRAY_TASK_STEP: '5'};
  t.deepEqual(task('20', '3', steps), {index: 3, count: 3, source});
  for (const wrong of [
    ['6', '3', {SLURM_ARRAY_TASK_MIN: '1'}],
    ['x', '3', {}],
    ['0', '', {}],
  ] as Array<[string, string, object]>) {
    t.throws(() => task(...wrong), {message: /Slurm array|whole number/});
  }
});

test('a pod of a Kubernetes indexed job is its shard', t => {
  const env = {JOB_COMPLETION_INDEX: '2', JOB_COMPLETIONS: '5'};
  const source = 'JOB_COMPLETION_INDEX';
  t.deepEqual(schedulerShard(env), {index: 3, count: 5, source});
  t.is(schedulerShard({}), undefined);
  t.throws(() => schedulerShard({JOB_COMPLETION_INDEX: '2'}), {
    message: /JOB_COMPLETIONS is not set/,
  });
  t.throws(() => schedulerShard({...env, JOB_COMPLETIONS: '2'}), {
    message: /below it/,
  });
});
