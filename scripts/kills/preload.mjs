// Loaded before a command line that is to be killed at a chosen one of its
// writings: KILL_UNDER is the folder that is watched, KILL_LOG a file to which
// the moments are written, KILL_AT the kind of moment to die at, and KILL_COUNT
// at which one of its kind, from 1.
import {Buffer} from 'node:buffer';
import fs from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';
import {basename} from 'node:path';

const {KILL_UNDER, KILL_LOG, KILL_AT, KILL_COUNT} = process.env;
const {appendFileSync, writeFileSync} = fs;
let moments = 0;

/** A moment at which the process may be killed. */
function moment(what, file) {
  const name = basename(String(file))
    .replace(/^(events).*/, '$1')
    .replace(/\d+/g, 'N');
  const kind = `${what} ${name}`;
  if (KILL_LOG) appendFileSync(KILL_LOG, `${kind}\n`);
  if (kind !== KILL_AT || ++moments < Number(KILL_COUNT)) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered at once, but not before this returns.
  for (;;);
}

const watched = file => String(file).startsWith(KILL_UNDER);
const half = data => Buffer.from(data).subarray(0, data.length >> 1);

for (const name of ['rename', 'rm']) {
  const original = fs.promises[name];
  fs.promises[name] = async (file, ...rest) => {
    if (!watched(file)) return original(file, ...rest);
    moment(`before ${name}`, file);
    const result = await original(file, ...rest);
    moment(`after ${name}`, file);
    return result;
  };
}

const {writeFile} = fs.promises;
fs.promises.writeFile = async (file, data, ...rest) => {
  if (!watched(file)) return writeFile(file, data, ...rest);
  await writeFile(file, half(data), ...rest);
  moment('halfway through', file);
  await writeFile(file, data, ...rest);
};

fs.appendFileSync = (file, data, options) => {
  if (!watched(file)) return appendFileSync(file, data, options);
  appendFileSync(file, half(data), options);
  moment('halfway through', file);
  appendFileSync(file, data.subarray(data.length >> 1), options);
};

// The lock, and the beginning of an event file; appending comes here too.
fs.writeFileSync = (file, data, options) => {
  if (!watched(file) || options?.flag !== 'wx') {
    return writeFileSync(file, data, options);
  }
  writeFileSync(file, '', options);
  moment('before filling', file);
  writeFileSync(file, data);
};

syncBuiltinESMExports();
