import {PipError} from '../io/pip.js';

/** What stands in the way of the set-up, in one sentence that says what to do. */
export class SetupError extends Error {
  /** For code that cannot use `instanceof`. */
  override name = 'SetupError';
}

/** The sentence for a failed file operation, where its cause is one a user can mend. */
export function asSetupError(error: unknown, cache: string): unknown {
  if (error instanceof SetupError) return error;
  if (error instanceof PipError) {
    return new SetupError(error.message, {cause: error.cause});
  }
  const {code, path} = (error ?? {}) as NodeJS.ErrnoException;
  const where = path ?? cache;
  const reasons: Record<string, string> = {
    ENOSPC: `The disk is full: nothing more could be written to ${where}; free some space (about 1.5 GB is needed), or choose another place with --cache DIR.`,
    EDQUOT: `The disk quota is used up: nothing more could be written to ${where}; free some space, or choose another place with --cache DIR.`,
    EACCES: `Permission to write ${where} is missing; choose another cache with --cache DIR, or run as the owner of that folder.`,
    EPERM: `Permission to write ${where} is missing; choose another cache with --cache DIR, or run as the owner of that folder.`,
    EROFS: `${where} is on a read-only file system; choose another cache with --cache DIR.`,
    ENOTDIR: `A part of the path ${where} is a file where a folder is needed; choose another cache with --cache DIR.`,
    EEXIST: `${where} is a file where a folder is needed; choose another cache with --cache DIR.`,
  };
  const reason = code && reasons[code];
  return reason ? new SetupError(reason, {cause: error}) : error;
}
