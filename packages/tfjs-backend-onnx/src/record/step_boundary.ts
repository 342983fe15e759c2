import * as tf from '@tensorflow/tfjs-core';
import {wholePeriods} from './repetition.js';
import type {Recorder} from './recorder.js';

/** A scope that recorded so many calls is a step of something. */
const STEP = 100;

/** Calls outside of any gradient after which the pending graph is looked at. */
const LONG = 1000;

/** The same after a gradient, whose update should not be cut in two. */
const VERY_LONG = 4000;

/**
 * Steps that hand on so many bytes (an attack's perturbation with its moments)
 * are run several at once: filters are brought into their layout once for all
 * of them, and what stays inside a run is neither allocated anew nor copied out
 * of ONNX Runtime at each step. Measured with ResNet-32 and 50 images, a
 * step of D takes a tenth less time for it; compiling takes about a second more.
 */
const MUCH = 2 ** 20;

/** As many as that at most, and as few calls together, which all have to be compiled. */
const STEPS_AT_ONCE = 4;
const CALLS_AT_ONCE = 4000;

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
 *   (a model's prediction, an optimizer's update), or after a few of them;
 * - in what is left, after as many whole repetitions as have been recorded.
 */
export class StepBoundary {
  private readonly scopes: OpenScope[] = [];
  private recorded = 0;
  private lastGradient = 0;
  private inTape = false;
  private tapeDone = false;
  private stepEnded = false;
  /** Whole steps that are pending. */
  private steps = 0;

  constructor(private readonly recorder: Recorder) {}

  /** To be called before each kernel is recorded; may run what is pending. */
  before(): void {
    const state = tf.engine().state as unknown as EngineState;
    this.follow(state);
    const inTape = state.gradientDepth > 0;
    const opened = inTape && !this.inTape;
    if (this.inTape && !inTape) this.tapeDone = true;
    this.inTape = inTape;
    if (this.recorder.size === 0) {
      this.tapeDone = this.stepEnded = false;
      this.steps = 0;
    }
    if ((opened && this.tapeDone) || (this.stepEnded && !inTape)) {
      if (!this.awaitsMore()) {
        this.recorder.flush();
        this.steps = 0;
      }
      this.tapeDone = false;
    } else if (this.sinceGradient() >= (this.tapeDone ? VERY_LONG : LONG)) {
      this.recorder.flush(wholePeriods(this.recorder.calls));
    }
    this.stepEnded = false;
    this.recorded++;
  }

  /** Whether the step that has ended is run together with the next one. */
  private awaitsMore(): boolean {
    this.steps++;
    const {size} = this.recorder;
    return (
      this.steps < STEPS_AT_ONCE &&
      size + size / this.steps <= CALLS_AT_ONCE &&
      this.recorder.liveBytes() >= MUCH
    );
  }

  /** How many of the pending calls are younger than the last gradient. */
  private sinceGradient(): number {
    if (this.inTape || this.scopes.some(isGradient)) {
      this.lastGradient = this.recorded;
    }
    return Math.min(this.recorder.size, this.recorded - this.lastGradient);
  }

  /** Compares tfjs's stack of scopes with what it was at the last call. */
  private follow({scopeStack, gradientDepth}: EngineState): void {
    const open = this.scopes;
    let common = Math.min(open.length, scopeStack.length);
    while (common > 0 && open[common - 1].id !== scopeStack[common - 1].id) {
      common--;
    }
    if (
      common < open.length &&
      gradientDepth === 0 &&
      this.recorded - open[common].start >= STEP &&
      !open.slice(0, common + 1).some(isGradient)
    ) {
      this.stepEnded = true;
    }
    open.length = common;
    for (let i = common; i < scopeStack.length; i++) {
      const {id, name} = scopeStack[i];
      open.push({id, name, start: this.recorded});
    }
  }
}

/** tfjs's own names for the two halves of a gradient. */
function isGradient({name}: OpenScope): boolean {
  return name === 'forward' || name === 'backward';
}
