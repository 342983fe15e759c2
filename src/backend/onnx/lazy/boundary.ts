import * as tf from '@tensorflow/tfjs';
import {wholePeriods} from './period.js';
import type {Recorder} from './recorder.js';

/** A scope that recorded so many calls is a step of something. */
const STEP = 100;

/** Calls outside of any gradient after which the pending graph is looked at. */
const LONG = 1000;

/** The same where a gradient is among them, which should not be cut in two. */
const VERY_LONG = 30_000;

interface EngineState {
  gradientDepth: number;
  scopeStack: {id: number; name: string}[];
}

interface OpenScope {
  id: number;
  name: string;
  /** Calls recorded before it was opened. */
  start: number;
}

/**
 * Decides where a program that never reads a tensor ends one run and begins
 * the next. The places have to be the same in each turn of a loop, and as few
 * tensors as possible should be alive there:
 *
 * - where a gradient is asked for while a finished one is pending: the last
 *   step is complete, and its temporaries have been disposed of;
 * - after a `tidy` outside of gradients that recorded a step's worth of calls
 *   (a model's prediction, an optimizer's update);
 * - in what is left, after as many whole repetitions as have been recorded.
 */
export class StepBoundary {
  private scopes: OpenScope[] = [];
  private recorded = 0;
  private inTape = false;
  private tapeDone = false;
  private stepEnded = false;

  constructor(private readonly recorder: Recorder) {}

  /** To be called before each kernel is recorded; may run what is pending. */
  before(): void {
    const state = tf.engine().state as unknown as EngineState;
    this.follow(state);
    const inTape = state.gradientDepth > 0;
    const opened = inTape && !this.inTape;
    if (this.inTape && !inTape) this.tapeDone = true;
    this.inTape = inTape;
    if (this.recorder.size === 0) this.tapeDone = this.stepEnded = false;
    if ((opened && this.tapeDone) || (this.stepEnded && !inTape)) {
      this.recorder.flush();
      this.tapeDone = false;
    } else if (!inTape && this.recorder.size >= this.longest) {
      this.recorder.flush(wholePeriods(this.recorder.calls));
      if (this.recorder.size >= this.longest) this.recorder.flush();
    }
    this.stepEnded = false;
    this.recorded++;
  }

  private get longest(): number {
    return this.tapeDone ? VERY_LONG : LONG;
  }

  /** Compares tfjs's stack of scopes with what it was at the last call. */
  private follow({scopeStack, gradientDepth}: EngineState): void {
    let common = Math.min(this.scopes.length, scopeStack.length);
    while (
      common > 0 &&
      this.scopes[common - 1].id !== scopeStack[common - 1].id
    ) {
      common--;
    }
    const closed = this.scopes.splice(common);
    const [outermost] = closed;
    const inGradient = [...this.scopes, ...closed.slice(0, 1)].some(
      ({name}) => name === 'forward' || name === 'backward',
    );
    if (
      outermost &&
      gradientDepth === 0 &&
      !inGradient &&
      this.recorded - outermost.start >= STEP
    ) {
      this.stepEnded = true;
    }
    for (const {id, name} of scopeStack.slice(common)) {
      this.scopes.push({id, name, start: this.recorded});
    }
  }
}
