import {type ColorSpace} from '../../color/color_space.js';
import {colorSpaces} from '../../color/color_spaces.js';
import {ReColor} from '../threat_models/recolor.js';
import {Sequence} from '../threat_models/sequence.js';
import type {ThreatModel} from '../threat_models/threat_model.js';

/** A term of a threat model, as Square sees it. */
export interface SquareTerm {
  /** The places of its parameters among those of the whole. */
  parameters: number[];
  /** Of a color lattice: the space whose colors its axes are. */
  space: ColorSpace | null;
}

/** The terms that have parameters, in order. */
export function squareTerms(threatModel: ThreatModel): SquareTerm[] {
  let next = 0;
  return flatten(threatModel)
    .map(term => ({
      parameters: term.bounds().map(() => next++),
      space: term instanceof ReColor ? colorSpaces[term.space] : null,
    }))
    .filter(({parameters}) => parameters.length > 0);
}

function flatten(threatModel: ThreatModel): ThreatModel[] {
  return threatModel instanceof Sequence
    ? threatModel.terms.flatMap(flatten)
    : [threatModel];
}
