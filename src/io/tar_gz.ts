import {createReadStream} from 'node:fs';
import {Transform} from 'node:stream';
import {createGunzip} from 'node:zlib';
import {readTarMembers} from './tar.js';

/**
 * Reads chosen members of a `.tar.gz` into memory, one after the other.
 * Nothing is written, so no path in the archive can lead anywhere.
 *
 * @param file the archive.
 * @param members the largest size in bytes of each wanted member, by its full
 *     name; all others are passed over.
 * @param onMember given each wanted member's bytes.
 * @throws one sentence: not an archive, truncated, a member too large, twice
 *     there or missing.
 */
export async function readTarGz(
  file: string,
  members: Readonly<Record<string, number>>,
  onMember: (name: string, data: Buffer) => void,
): Promise<void> {
  // Room for the members and as much again for what is passed over.
  const wanted = Object.values(members).reduce((sum, size) => sum + size, 0);
  try {
    const seen = await readTarMembers(
      [createReadStream(file), createGunzip(), atMost(2 * wanted + 2 ** 20)],
      members,
      onMember,
    );
    const missing = Object.keys(members).filter(name => !seen.has(name));
    if (missing.length > 0) throw new Error(`it lacks ${missing.join(', ')}`);
  } catch (error) {
    throw new Error(`${file} cannot be used: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** Passes bytes on, and fails where there are more than `limit`. */
function atMost(limit: number): Transform {
  let unpacked = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unpacked += chunk.length;
      if (unpacked > limit) {
        done(new Error('it unpacks to more than it should hold'));
      } else {
        done(null, chunk);
      }
    },
  });
}
