import {writeFileSync} from 'node:fs';
import {gzipSync} from 'node:zlib';
import {Header, type HeaderData} from 'tar';

/** A member of an archive; its header may say whatever a test wants. */
export interface Member extends HeaderData {
  path: string;
  data?: Uint8Array;
}

/** A tar archive, byte by byte, so that it may be one no tool would write. */
export function tarOf(members: Member[]): Buffer {
  const blocks: Buffer[] = [];
  for (const {data = new Uint8Array(0), ...fields} of members) {
    const header = Buffer.alloc(512);
    new Header({
      size: data.length,
      mode: 0o644,
      type: 'File',
      ...fields,
    } as HeaderData).encode(header);
    const padding = Buffer.alloc((512 - (data.length % 512)) % 512);
    blocks.push(header, Buffer.from(data), padding);
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Writes a `.tar.gz`. */
export function writeTarGz(file: string, members: Member[]): void {
  writeFileSync(file, gzipSync(tarOf(members), {level: 1}));
}
