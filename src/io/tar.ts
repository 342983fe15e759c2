import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {Parser, type ReadEntry} from 'tar';

/**
 * Reads chosen members of a tar archive into memory, one after the other.
 * Nothing is written, so no path in the archive can lead anywhere.
 *
 * @param source the archive's bytes; where they are streams, each flows into
 *     the next.
 * @param members the largest size in bytes of each wanted member, by its full
 *     name; all others are passed over.
 * @param onMember given each wanted member's bytes.
 * @returns the names of the members that were read.
 * @throws Error with the reason, as the second half of a sentence: not an
 *     archive, truncated, a member too large or twice there.
 */
export async function readTarMembers(
  source: Uint8Array | [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]],
  members: Readonly<Record<string, number>>,
  onMember: (name: string, data: Buffer) => void,
): Promise<Set<string>> {
  const seen = new Set<string>();
  const parser = new Parser({strict: true});
  let failure: Error | undefined;
  const fail = (reason: string) => {
    failure ??= new Error(reason);
    parser.abort(failure);
  };
  parser.on('entry', (entry: ReadEntry) => {
    const limit = Object.hasOwn(members, entry.path)
      ? members[entry.path]
      : undefined;
    if (limit === undefined || entry.type !== 'File') {
      entry.resume();
      return;
    }
    if (seen.has(entry.path)) return fail(`${entry.path} is there twice`);
    if (entry.size > limit) {
      return fail(`${entry.path} has ${entry.size} bytes, ${limit} at most`);
    }
    seen.add(entry.path);
    const chunks: Buffer[] = [];
    entry.on('data', chunk => chunks.push(chunk as Buffer));
    entry.on('end', () => {
      if (failure) return;
      try {
        onMember(entry.path, Buffer.concat(chunks));
      } catch (error) {
        fail((error as Error).message.replace(/\.$/, ''));
      }
    });
  });
  const streams =
    source instanceof Uint8Array
      ? [Readable.from([Buffer.from(source)])]
      : source;
  try {
    await pipeline([
      ...streams,
      parser as unknown as NodeJS.WritableStream,
    ] as NodeJS.ReadWriteStream[]);
  } catch (error) {
    throw failure ?? error;
  }
  return seen;
}
