import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {Shard} from '../work/shard.js';
import type {PartStore} from './part_store.js';
import type {PlannedPart} from './plan.js';

const SHARDS = 'shards';

/** The folder of a shard's parts: no two runs write in one. */
export function shardFolder(out: string, {index, count}: Shard): string {
  return join(out, SHARDS, `${index}-of-${count}`);
}

/**
 * Copies the parts of all shards into the store of the table.
 *
 * @throws Error with one sentence if a part is missing or a shard has other
 *     settings or models.
 */
export async function collectShards(
  out: string,
  store: PartStore,
  parts: PlannedPart[],
  open: (folder: string) => Promise<PartStore>,
): Promise<void> {
  const names = await readdir(join(out, SHARDS)).catch(() => []);
  const stores = [];
  for (const name of names.sort())
    stores.push(await open(join(out, SHARDS, name)));
  let missing: PlannedPart[] = [];
  for (const part of parts) {
    if (await store.read(part.place)) continue;
    let found;
    for (const shard of stores) found ??= await shard.read(part.place);
    if (found) await store.write(part.place, found);
    else missing = [...missing, part];
  }
  if (missing.length === 0) return;
  const {row, attack, begin, end} = missing[0].place;
  const shards = names.length > 0 ? names.join(', ') : 'none';
  throw new Error(
    `${missing.length} of ${parts.length} parts are in no shard, the first being ${row} / ${attack}, examples ${begin} to ${end - 1}: run the shards that are missing (${join(out, SHARDS)} has ${shards}), or the command without --collect, which computes the rest.`,
  );
}
