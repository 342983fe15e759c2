import {type EngineState, engineState} from '../tfjs/engine_state.js';
import {wholePeriods} from './repetition.js';
import type {Recorder} from './recorder.js';

/** A scope that recorded at least this many calls counts as a step. */
const STEP = 100;

/** Number of calls outside of gradients after which pending calls are run. */
const LONG = 1000;

/** The same after a gradient, so that its update is not cut in two. */
const VERY_LONG = 4000;

/**
 * Steps that pass at least this many bytes to the next step run several at once:
 * filters are reordered once for all of them, and what stays inside a run is not
 * allocated, or copied out of ONNX Runtime, at each step. An iterative update of
 * 50 CIFAR-10 images by a ResNet-32's input gradient takes a tenth less time;
 * compiling takes about a second more.
 */
const LARGE_STATE = 2 ** 20;

/** Largest number of steps that run at once, and of calls in them: all have to be compiled. */
const STEPS_AT_ONCE = 4;
const CALLS_AT_ONCE = 4000;

interface OpenScope {
  id: number;
  name: string;
  /** Number of calls recorded before it was opened. */
  start: number;
}

/**
 * Decides where a program that never reads a tensor ends one run and begins the
 * next. The boundaries have to fall at the same place in each iteration of a
 * loop, or each run would compile anew, and few tensors should be alive there:
 *
 * - when a gradient begins while a finished one is pending: the previous step is
 *   complete, and its temporaries have been disposed;
 * - after a `tidy` outside of gradients that recorded a step's worth of calls (a
 *   model's prediction, an optimizer's update);
 * - otherwise after as many whole repetitions as have been recorded.
 *
 * If a step passes much data on, several steps run at once.
 */
export class StepBoundary {
  private readonly scopes: OpenScope[] = [];
  private recorded = 0;
  private lastGradient = 0;
  private inTape = false;
  private tapeDone = false;
  private stepEnded = false;
  /** Number of whole steps that are pending. */
  private steps = 0;

  constructor(private readonly recorder: Recorder) {}

  /** Called before each kernel is recorded; may run the pending calls. */
  before(): void {
    const state = engineState();
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

  /** Whether the step that has ended runs together with the next one. */
  private awaitsMore(): boolean {
    this.steps++;
    const {size} = this.recorder;
    return (
      this.steps < STEPS_AT_ONCE &&
      size + size / this.steps <= CALLS_AT_ONCE &&
      this.recorder.liveBytes() >= LARGE_STATE
    );
  }

  /** How many of the pending calls were recorded after the last gradient. */
  private sinceGradient(): number {
    if (this.inTape || this.scopes.some(isGradient)) {
      this.lastGradient = this.recorded;
    }
    return Math.min(this.recorder.size, this.recorded - this.lastGradient);
  }

  /** Finds the scopes that have closed, and those that have opened, since the last call. */
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

/** tfjs's names for the scopes of a gradient's two halves. */
function isGradient({name}: OpenScope): boolean {
  return name === 'forward' || name === 'backward';
}
