import {
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {hostname} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {
  experimentContent,
  sessionEndContent,
  sessionStartContent,
} from './hparams.js';
import {frameRecord} from './record.js';
import {Event} from './schema.js';
import {
  histogramValue,
  hparamsValue,
  imageValue,
  scalarValue,
  textValue,
  type SummaryValue,
} from './summaries.js';
import type {SummaryWriter} from './summary_writer.js';

/** Options of {@link eventFileWriter}. */
export interface EventFileOptions {
  /** Ending of the file's name, such as `.v2`. */
  filenameSuffix?: string;
  /**
   * For a run that goes on where it was stopped: what other files of the
   * directory hold from this step on, TensorBoard forgets.
   */
  purgeStep?: number;
}

/** SessionLog.START of event.proto. */
const SESSION_START = 1;

let filesOfThisProcess = 0;

/**
 * Writes a TensorBoard event file, on any backend, without TensorFlow.
 *
 * ```ts
 * const writer = eventFileWriter('runs/today');
 * writer.scalar('loss', 0.7, 1);
 * writer.close();            // then: tensorboard --logdir runs
 * ```
 *
 * Each call appends a whole record to the file at once: a running TensorBoard
 * shows it, and a crash takes nothing with it. Between calls the file is
 * closed, so that a writer that is never closed holds on to nothing. Each writer has
 * a file of its own; several may share a directory.
 *
 * Tensors are read synchronously (`dataSync`).
 *
 * @param logDir Directory of the run; made if it isn't there. TensorBoard
 *   takes each directory with event files for one run.
 * @throws An `Error` where the directory or the file can't be made or written.
 */
export function eventFileWriter(
  logDir: string,
  {filenameSuffix = '', purgeStep}: EventFileOptions = {},
): Required<SummaryWriter> {
  if (purgeStep !== undefined) checkStep('purgeStep', purgeStep);
  const file = createFile(logDir, filenameSuffix);
  let size = 0;
  let hasHParams = false;
  let closed = false;

  const append = (event: object) => {
    if (closed) {
      throw new Error(
        `The summary writer of ${logDir} is closed; make a new one with eventFileWriter to write more.`,
      );
    }
    const wallTime = Date.now() / 1000;
    const message = Event.create({wallTime, ...event});
    const record = frameRecord(Event.encode(message).finish());
    try {
      // Not created here: a file that lost its first record cannot be read.
      const flag = constants.O_WRONLY | constants.O_APPEND;
      appendFileSync(file, record, {flag: flag as unknown as string});
    } catch (error) {
      // A record of which only a part went in would hide those after it.
      try {
        truncateSync(file, size);
      } catch {
        // The first error says what is wrong.
      }
      throw new Error(
        `Could not write to the event file ${file}: ${reason(error)}.`,
        {cause: error},
      );
    }
    size += record.length;
  };
  const add = (value: SummaryValue, step: number) => {
    if (typeof value.tag !== 'string' || value.tag === '') {
      throw new Error('A summary needs a name that is not empty.');
    }
    checkStep(`The step of "${value.tag}"`, step);
    append({step, summary: {value: [value]}});
  };
  const seconds = () => Date.now() / 1000;

  append({fileVersion: 'brain.Event:2'});
  if (purgeStep !== undefined) {
    // The first one that TensorBoard meets in a directory is no restart to it.
    for (let i = 0; i < 2; i++) {
      append({step: purgeStep, sessionLog: {status: SESSION_START}});
    }
  }
  return {
    scalar: (name, value, step) => add(scalarValue(name, value), step),
    histogram: (name, data, step, buckets) =>
      add(histogramValue(name, data, buckets), step),
    image: (name, images, step, {maxOutputs, description} = {}) =>
      add(imageValue(name, images, maxOutputs, description), step),
    text: (name, markdown, step) => add(textValue(name, markdown), step),
    hparams(values, metrics) {
      if (metrics != null) {
        const content = experimentContent(values, metrics, seconds());
        add(hparamsValue('experiment', content), 0);
      }
      const content = sessionStartContent(values, seconds());
      add(hparamsValue('session_start_info', content), 0);
      hasHParams = true;
    },
    flush() {
      // Every record is with the operating system already.
    },
    close(status = 'success') {
      if (closed) return;
      if (hasHParams) {
        const content = sessionEndContent(status, seconds());
        add(hparamsValue('session_end_info', content), 0);
      }
      closed = true;
    },
  };
}

function checkStep(what: string, step: number): void {
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new Error(`${what} must be a whole number from 0, not ${step}.`);
  }
}

/** Makes an empty file whose name TensorBoard recognizes and no other file has. */
function createFile(logDir: string, suffix: string): string {
  if (typeof logDir !== 'string' || logDir === '') {
    throw new Error(
      `A log directory must be a path, not ${JSON.stringify(logDir)}.`,
    );
  }
  const directory = resolve(logDir);
  try {
    makeDirectory(directory);
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
    const host = hostname().replace(/[^\w.-]/g, '-') || 'localhost';
    // TensorBoard reads files in the order of their names.
    const count = String(filesOfThisProcess++).padStart(4, '0');
    const name = `events.out.tfevents.${seconds}.${host}.${process.pid}.${count}${suffix}`;
    const file = join(directory, name);
    writeFileSync(file, '', {flag: 'wx'});
    return file;
  } catch (error) {
    throw new Error(
      `TensorBoard's event files can't be written to ${directory}: ${reason(error)}; give a directory that can be made and written.`,
      {cause: error},
    );
  }
}

/** mkdir's own recursive mode never returns where the system refuses, as in /proc. */
function makeDirectory(path: string) {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(path)) throw error;
  }
}

function reason(error: unknown): string {
  const {code, message} = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space is left on the disk',
    EDQUOT: 'the disk quota is used up',
    EEXIST: 'a file is in the way',
    ENOTDIR: 'a file is in the way',
    ENOENT: 'there is no such place',
    ENAMETOOLONG: 'the name is too long',
  };
  return known[code ?? ''] ?? message;
}
