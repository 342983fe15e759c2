import {type ChildProcess, fork} from 'node:child_process';
import {extname} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Answer, ChildOptions, Order} from './child.js';
import {checkAny, type Result, type Unit} from './kinds.js';

// Compiled, where this file is.
const SCRIPT = fileURLToPath(
  new URL(`child${extname(import.meta.url)}`, import.meta.url),
);

export interface ComputeProcessOptions extends ChildOptions {
  /** Milliseconds without a finished example after which a process counts as hung. */
  silence: number;
}

/** A process that computes units; it is started when needed and again if it dies. */
export class ComputeProcess {
  private child?: ChildProcess;
  /** Settles once the process can take units, with its backend. */
  private ready?: Promise<string>;

  constructor(private readonly options: ComputeProcessOptions) {}

  get name(): string {
    return this.options.worker;
  }

  /** Starts the process. Returns the name of its backend. */
  start(): Promise<string> {
    if (this.child?.connected && this.ready) return this.ready;
    const {silence, ...options} = this.options;
    this.child = fork(SCRIPT, [JSON.stringify(options)], {
      // What the process prints is no result.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.ready = this.answer(this.child, silence, answer =>
      answer.kind === 'ready' ? answer.backend : undefined,
    );
    return this.ready;
  }

  /**
   * Computes a unit, one at a time.
   *
   * @throws Error with one sentence if the unit fails or the process dies or hangs.
   */
  async run(
    order: Order & {unit: Unit},
    onExamples: (count: number) => void,
    onSaved?: (batches: number) => void,
  ): Promise<Result> {
    await this.start();
    const child = this.child!;
    const result = this.answer(child, this.options.silence, answer => {
      if (answer.kind === 'examples') onExamples(answer.count);
      if (answer.kind === 'saved') onSaved?.(answer.batches);
      return answer.kind === 'result' ? answer.result : undefined;
    });
    child.send(order, () => {});
    return checkAny(await result, order.unit);
  }

  stop(): void {
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }

  /** Waits for the answer that `pick` returns. */
  private answer<T>(
    child: ChildProcess,
    silence: number,
    pick: (answer: Answer) => T | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit);
        settle();
      };
      const onExit = (code: number | null, signal: string | null) =>
        end(() =>
          reject(
            new Error(`its process ended (${signal ?? `exit code ${code}`})`),
          ),
        );
      const onMessage = (answer: Answer) => {
        timer.refresh();
        const found = pick(answer);
        if (answer.kind === 'error') {
          end(() => reject(new Error(answer.message)));
        } else if (found !== undefined) {
          end(() => resolve(found));
        }
      };
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        const minutes = Number((silence / 60_000).toPrecision(2));
        end(() =>
          reject(new Error(`it finished no example for ${minutes} minutes`)),
        );
      }, silence);
      child.on('message', onMessage).on('exit', onExit);
    });
  }
}
