import {crc32} from 'node:zlib';
import {openPromise} from 'yauzl';

/**
 * Reads chosen members of a zip file, a wheel for instance, into memory. Nothing
 * is written, so no path in the archive can lead anywhere.
 *
 * @param members size in bytes that each may have at most, by its full name.
 * @throws one sentence: not an archive, truncated, a member too large, missing
 *     or unlike its checksum.
 */
export async function readZipMembers(
  file: string,
  members: Readonly<Record<string, number>>,
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  try {
    const zip = await openPromise(file, {autoClose: false});
    try {
      for await (const entry of zip.eachEntry()) {
        const {fileName, uncompressedSize} = entry;
        if (!Object.hasOwn(members, fileName)) continue;
        if (found.has(fileName)) throw new Error(`${fileName} is there twice`);
        if (uncompressedSize > members[fileName]) {
          throw new Error(
            `${fileName} has ${uncompressedSize} bytes, ${members[fileName]} at most`,
          );
        }
        const chunks: Buffer[] = [];
        // yauzl stops as soon as there is more than the size that was given.
        for await (const chunk of await zip.openReadStreamPromise(entry)) {
          chunks.push(chunk as Buffer);
        }
        const data = Buffer.concat(chunks);
        if (crc32(data) !== entry.crc32) {
          throw new Error(`${fileName} differs from its checksum`);
        }
        found.set(fileName, data);
      }
    } finally {
      zip.close();
    }
    const missing = Object.keys(members).filter(name => !found.has(name));
    if (missing.length > 0) throw new Error(`it lacks ${missing.join(', ')}`);
  } catch (error) {
    throw new Error(`${file} cannot be used: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  return found;
}
