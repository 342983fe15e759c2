// Installs the packages of this repository once, however many processes start at
// the same time, also on several machines that share the folder.
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import fs from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {clearInterval, setInterval} from 'node:timers';
import {setTimeout as sleep} from 'node:timers/promises';

/** Milliseconds between two heartbeats of the process that installs. */
const BEAT = 2_000;

/** Without a heartbeat for this long, in milliseconds, its lock is stale. */
const STALE = 30_000;

/** A process that was killed may leave an npm behind, which is waited for this long, in milliseconds. */
const ORPHAN = 600_000;

/**
 * Whether node_modules is what package-lock.json says. npm writes its own list
 * last, so that a half-finished install is not taken for a whole one. Packages
 * of this repository are in both lists, and as links, which have no version.
 */
export function isInstalled(root) {
  const read = file => JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  let have;
  try {
    have = read(join(root, 'node_modules', '.package-lock.json'));
  } catch {
    // It is missing, or another process writes it just now.
    return false;
  }
  const want = read(join(root, 'package-lock.json'));
  return Object.entries(want).every(
    ([path, {version, optional, link}]) =>
      path === '' ||
      optional ||
      (path in have &&
        have[path].version === version &&
        (!link || fs.existsSync(join(root, path)))),
  );
}

/**
 * Runs `npm ci` and `npm run build`, unless another process does so first, which
 * is waited for.
 *
 * @returns 0, or the exit code of what failed or stopped it, which was said on standard error.
 */
export async function install(root) {
  const lock = join(root, '.install-lock');
  const release = await take(lock, () => isInstalled(root));
  if (!release) return 0;
  try {
    if (isInstalled(root)) return 0;
    console.error('Installing packages (once) …');
    const ci = ['ci', '--no-fund', '--no-audit', '--loglevel=error'];
    // The build is for a clone that is linked or packed: .npmrc turns prepack off.
    for (const args of [ci, ['run', '--silent', 'build']]) {
      const {code, stopped} = await npm(root, args, release.child);
      if (stopped) return stopped;
      if (code === 0) continue;
      console.error(`npm ${args[0]} failed; its messages are above.`);
      return 2;
    }
    return 0;
  } finally {
    release();
  }
}

/** The signals that stop an install, and the exit codes that say so. */
const STOPS = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143};

/** Runs npm to its end, also when this process is told to stop: it then passes the signal on. */
async function npm(root, args, onChild) {
  const child = spawn('npm', args, {
    cwd: root,
    // Standard output is the script's own: reports may be piped from it.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  let stopped = 0;
  const handlers = Object.entries(STOPS).map(([signal, code]) => {
    const stop = () => {
      stopped = code;
      child.kill(signal);
    };
    process.on(signal, stop);
    return () => process.off(signal, stop);
  });
  onChild(child.pid);
  const code = await new Promise(resolve => {
    child.on('error', error => {
      console.error(error.message);
      resolve(null);
    });
    child.on('close', resolve);
  });
  handlers.forEach(off => off());
  return {code, stopped};
}

/**
 * Takes the lock: a folder, which one process alone can make. A file in it has
 * the owner, who writes it again and again (the heartbeat), and another the npm
 * that it has started.
 *
 * @param done whether the lock is not needed any more.
 * @returns a function that gives it back, or null once `done`.
 */
async function take(lock, done) {
  const owner = {token: randomUUID(), host: hostname(), pid: process.pid};
  let told = false;
  while (!done()) {
    if (make(lock) && own(lock, owner)) return keep(lock, owner);
    const other = read(join(lock, 'owner'));
    if (isStale(lock, other)) {
      remove(lock, other?.token);
      continue;
    }
    if (!told && other) {
      told = true;
      console.error(
        `Waiting for process ${other.pid} on ${other.host}, which installs the packages …`,
      );
    }
    await sleep(500);
  }
  return null;
}

/** False if the lock was taken for stale before it had an owner. */
function own(lock, owner) {
  try {
    const text = JSON.stringify(owner);
    fs.writeFileSync(join(lock, 'owner'), text, {flag: 'wx'});
    return true;
  } catch {
    return false;
  }
}

/** Renews the time of a lock until the function returned is called. */
function keep(lock, owner) {
  const file = join(lock, 'owner');
  const isOurs = () => read(file)?.token === owner.token;
  const beat = setInterval(() => {
    if (!isOurs()) return;
    // The same bytes: the time is set by the clock of the file system.
    const fd = fs.openSync(file, 'r+');
    fs.writeSync(fd, JSON.stringify(owner), 0);
    fs.closeSync(fd);
  }, BEAT);
  const release = () => {
    clearInterval(beat);
    if (isOurs()) remove(lock, owner.token);
  };
  release.child = pid => {
    if (isOurs()) fs.writeFileSync(join(lock, 'npm'), JSON.stringify({pid}));
  };
  return release;
}

function make(lock) {
  try {
    fs.mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    console.error(
      `The packages cannot be installed: ${lock} could not be made (${error.code}).`,
    );
    process.exit(2);
  }
}

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Without a heartbeat for long, unless an npm of this machine goes on without its owner. */
function isStale(lock, owner) {
  const age = ageOf(lock, owner ? join(lock, 'owner') : lock);
  if (age < STALE) return false;
  const orphan =
    owner?.host === hostname() && isRunning(read(join(lock, 'npm'))?.pid);
  return !orphan || age > ORPHAN;
}

function isRunning(pid) {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Milliseconds since a file was changed, by the clock of its file system: that of another machine may differ. */
function ageOf(lock, file) {
  const probe = `${lock}-${process.pid}-${randomUUID()}`;
  try {
    fs.writeFileSync(probe, '');
    return fs.statSync(probe).mtimeMs - fs.statSync(file).mtimeMs;
  } catch {
    // The lock is gone.
    return 0;
  } finally {
    fs.rmSync(probe, {force: true});
  }
}

/** If several processes remove a lock, the rename lets one of them do so; it puts back a lock that is another's. */
function remove(lock, token) {
  const stale = `${lock}-${process.pid}-${randomUUID()}`;
  try {
    fs.renameSync(lock, stale);
  } catch {
    return;
  }
  if (read(join(stale, 'owner'))?.token !== token) {
    try {
      fs.renameSync(stale, lock);
      return;
    } catch {
      // There is a newer one.
    }
  }
  fs.rmSync(stale, {recursive: true, force: true});
}
