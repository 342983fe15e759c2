// Runs a script once for each of several command lines, all in this process, whose
// start takes longer than refusing them: node command_lines.ts SCRIPT JSON, with
// lists of arguments. Prints the exit codes and what went to standard error.
import {resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const [node, , script, lines] = process.argv;
const {href} = pathToFileURL(resolve(script));
const waiting = JSON.parse(lines) as string[][];
const results: Array<{code: number; err: string}> = [];

process.stderr.write = (text: string | Uint8Array) => {
  results[results.length - 1].err += String(text);
  return true;
};

/** Begins the next; a script has ended when nothing is left to wait for. */
async function next(): Promise<void> {
  if (results.length > 0) {
    results[results.length - 1].code = Number(process.exitCode ?? 0);
  }
  process.exitCode = 0;
  const args = waiting.shift();
  if (!args) {
    process.off('beforeExit', next);
    console.log(JSON.stringify(results));
    return;
  }
  results.push({code: 0, err: ''});
  process.argv = [node, script, ...args];
  // Another address, so that it is run and not only linked again.
  await import(`${href}?${waiting.length}`);
}

process.on('beforeExit', next);
