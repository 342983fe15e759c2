// What the page and its worker tell each other.

/** `auto` takes the fastest that there is. */
export type BackendChoice = 'auto' | 'webgpu' | 'webgl' | 'wasm' | 'cpu';

/** An RGB picture in [0, 1], row by row. */
export interface Picture {
  pixels: Float32Array;
  height: number;
  width: number;
}

/** What the page needs to know of a model. */
export interface ModelInfo {
  name: string;
  height: number;
  width: number;
  classes: string[];
}

export interface AttackRequest {
  type: 'attack';
  models: string[];
  /** One for each model: they may need different sizes. */
  pictures: Picture[];
  /** Index of the true class, or null for what the model itself predicts. */
  label: number | null;
  spec: string;
  steps: number;
}

export interface TrainRequest {
  type: 'train';
  spec: string;
  epochs: number;
  train: Labeled;
  test: Labeled;
}

export interface Labeled {
  images: Uint8Array;
  labels: Uint8Array;
  size: number;
}

export type ToWorker =
  | {type: 'backend'; backend: BackendChoice}
  | {type: 'model'; name: string}
  | {type: 'ownModel'; files: {name: string; data: ArrayBuffer}[]}
  | AttackRequest
  | TrainRequest
  | {type: 'stop'};

/** One iterate of an attack on one of the models. */
export interface Step {
  /** Which of the models. */
  index: number;
  /** Updates so far. */
  step: number;
  image: Float32Array;
  margin: number;
  /** Flow of S, (x, y) of each pixel in pixels. */
  flow?: Float32Array;
  /** CIELUV of some pixels before and after C: L, u, v of each. */
  colors?: {before: Float32Array; after: Float32Array};
}

/** The end of an attack on one of the models. */
export interface Outcome {
  index: number;
  label: number;
  clean: number[];
  adversarial: number[];
  image: Float32Array;
  margin: number;
  sizes: Record<string, number>;
  milliseconds: number;
}

export type FromWorker =
  | {type: 'backend'; backend: string}
  | {type: 'model'; model: ModelInfo}
  | ({type: 'step'} & Step)
  | ({type: 'outcome'} & Outcome)
  | {type: 'epoch'; epoch: number; clean: number; robust: number}
  | {type: 'batch'; epoch: number; done: number; of: number}
  | {type: 'end'; stopped: boolean}
  | {type: 'error'; message: string};
