import {Delta} from './delta.js';
import {ReColor} from './recolor.js';
import {Sequence} from './sequence.js';
import {StAdv} from './stadv.js';
import type {ThreatModel, Variant} from './threat_model.js';

const TERMS: Record<
  string,
  (args: {epsilon?: number; variant?: Variant}) => ThreatModel
> = {
  C: args => new ReColor({...args, space: 'luv'}),
  'C-RGB': args => new ReColor({...args, space: 'rgb'}),
  'C-YPbPr': args => new ReColor({...args, space: 'ypbpr'}),
  'C-HSV': args => new ReColor({...args, space: 'hsv'}),
  D: args => new Delta(args),
  S: args => new StAdv(args),
};

const ALLOWED =
  `Allowed are ${Object.keys(TERMS).join(', ')}, joined by +, each with an ` +
  'optional bound in parentheses, such as C+S+D or D(4/255); or None.';

/** A number, or one number over another. */
const NUMBER = String.raw`\d*\.?\d+(?:e-?\d+)?`;
const TERM = new RegExp(
  String.raw`^([A-Za-z-]+)(?:\(\s*(${NUMBER})\s*(?:/\s*(${NUMBER})\s*)?\))?$`,
);

/** Names that others have for D. */
function known(part: string): string {
  return /^\s*(i?fgsm|pgd|bim|apgd|linf|l2)\b/i.test(part)
    ? "PGD and FGSM search the additive perturbations D: 'D(8/255)', with steps: 1 and optimizer: 'sign' for FGSM. "
    : '';
}

/**
 * Reads an attack as it is written in the paper: terms joined by `+`, applied
 * from left to right, each with an optional bound: `C+S+D`, `D(4/255)`,
 * `C(0.03)`. `None` is the identity.
 *
 * @throws Error naming the allowed terms, if the spec is anything else.
 */
export function parseSpec(
  spec: string,
  variant: Variant = 'paper',
): ThreatModel {
  if (typeof spec !== 'string') {
    throw new Error(
      `An attack is written as a string or given as a threat model, not as ${spec}. ${ALLOWED}`,
    );
  }
  if (spec.trim() === 'None') return new Sequence([]);
  const terms = spec.split('+').map(part => {
    const match = TERM.exec(part.trim());
    if (!match || !Object.hasOwn(TERMS, match[1])) {
      throw new Error(
        `Attack '${spec}': '${part.trim()}' is not a term. ${known(part)}${ALLOWED}`,
      );
    }
    const [, name, numerator, denominator] = match;
    const epsilon =
      numerator === undefined
        ? undefined
        : Number(numerator) / Number(denominator ?? 1);
    return TERMS[name]({epsilon, variant});
  });
  return terms.length === 1 ? terms[0] : new Sequence(terms);
}
