import {createReadStream} from 'node:fs';
import {Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {createGunzip} from 'node:zlib';
import {Parser, type ReadEntry} from 'tar';

/**
 * Reads chosen members of a `.tar.gz` into memory, one after the other.
 * Nothing is written, so no path in the archive can lead anywhere.
 *
 * @param file the archive.
 * @param members size in bytes that each wanted member may have at most, by
 *     its full name; everything else is passed over.
 * @param onMember given each wanted member's bytes.
 * @throws one sentence: not an archive, truncated, a member too large, twice
 *     there or missing.
 */
export async function readTarGz(
  file: string,
  members: Readonly<Record<string, number>>,
  onMember: (name: string, data: Buffer) => void,
): Promise<void> {
  const seen = new Set<string>();
  const parser = new Parser({strict: true});
  let failure: Error | undefined;
  const fail = (reason: string) => {
    failure ??= new Error(`${file} cannot be used: ${reason}.`);
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

  // Room for the members and as much again for what is passed over.
  const wanted = Object.values(members).reduce((sum, size) => sum + size, 0);
  let unpacked = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unpacked += chunk.length;
      if (unpacked > 2 * wanted + 2 ** 20) {
        done(new Error('it unpacks to more than it should hold'));
      } else {
        done(null, chunk);
      }
    },
  });
  try {
    await pipeline(
      createReadStream(file),
      createGunzip(),
      bounded,
      parser as unknown as NodeJS.WritableStream,
    );
  } catch (error) {
    throw (
      failure ??
      new Error(`${file} cannot be used: ${(error as Error).message}.`, {
        cause: error,
      })
    );
  }
  const missing = Object.keys(members).filter(name => !seen.has(name));
  if (missing.length > 0) {
    throw new Error(`${file} cannot be used: it lacks ${missing.join(', ')}.`);
  }
}
