import {crc32, deflateRawSync} from 'node:zlib';

/** A file in a zip archive; whatever the headers say can be given. */
export interface ZipMember {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  crc?: number;
  /** Sizes told, where they are not the true ones. */
  size?: number;
  compressedSize?: number;
}

/** A zip archive, byte by byte, so that it may lie. */
export function zipOf(members: ZipMember[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const {name, data, deflate = false, ...told} of members) {
    const body = deflate ? deflateRawSync(data) : Buffer.from(data);
    // From "version needed" to "extra length", equal in both headers.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(deflate ? 8 : 0, 4);
    shared.writeUInt32LE(told.crc ?? crc32(data), 10);
    shared.writeUInt32LE(told.compressedSize ?? body.length, 14);
    shared.writeUInt32LE(told.size ?? data.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04'),
      shared,
      Buffer.from(name),
      body,
    ]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    centrals.push(
      Buffer.from('PK\x01\x02\x14\x00'),
      shared,
      rest,
      Buffer.from(name),
    );
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}
