/** What a warning is about. */
export type WarningCode =
  | 'outputs-differ'
  | 'batch-dependent'
  | 'non-finite-outputs'
  | 'constant-outputs'
  | 'saturated-outputs'
  | 'ties'
  | 'clean-accuracy-at-chance'
  | 'images-wrongly-scaled'
  | 'channel-order'
  | 'zero-gradients'
  | 'vanishing-gradients'
  | 'exploding-gradients'
  | 'non-finite-gradients'
  | 'misleading-gradients'
  | 'bound-out-of-reach'
  | 'not-converged'
  | 'best-and-last-apart'
  | 'larger-bound-survived'
  | 'gradient-free-is-stronger';

/** A reason not to believe a number of a {@link RobustnessReport}, and what to do. */
export interface EvaluationWarning {
  /** What was found, for programs. */
  code: WarningCode;
  /** What was seen, and what to do about it. */
  message: string;
  /** The attack concerned, as a spec; none if it is about the model or the data. */
  attack?: string;
}
