import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {connect, createServer, type Server, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';

/** A server of Debian's redis-server with an append-only file. */
export class RedisServer {
  private child?: ChildProcess;

  constructor(
    private readonly folder: string,
    readonly port: number,
  ) {}

  async start(): Promise<void> {
    this.child = spawn(
      'redis-server',
      [
        ...['--port', String(this.port), '--bind', '127.0.0.1'],
        ...['--dir', this.folder, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always'],
      ],
      {stdio: 'ignore'},
    );
    while (!(await answers(this.port))) await sleep(50);
  }

  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    if (this.child?.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A way to the server that can be cut: connections end, and no new one is let through. */
export class Cable {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private isCut = false;
  port = 0;

  constructor(to: number) {
    this.server = createServer(from => {
      if (this.isCut) return void from.destroy();
      const onward = connect(to, '127.0.0.1');
      for (const [one, other] of [
        [from, onward],
        [onward, from],
      ]) {
        this.sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  async open(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as {port: number}).port;
  }

  /** Nothing comes through for some milliseconds, without a word to either side; then connections break. */
  async cut(milliseconds: number): Promise<void> {
    this.isCut = true;
    for (const socket of this.sockets) socket.pause();
    await sleep(milliseconds);
    for (const socket of this.sockets) socket.destroy();
    this.isCut = false;
  }

  close(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as {port: number};
  server.close();
  await once(server, 'close');
  return port;
}
