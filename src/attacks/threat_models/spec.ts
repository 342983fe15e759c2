import {Delta} from './delta.js';
import {ReColor} from './recolor.js';
import {Sequence} from './sequence.js';
import {StAdv} from './stadv.js';
import type {ThreatModel, Variant} from './threat_model.js';

interface TermArgs {
  epsilon?: number;
  smooth?: number;
  variant?: Variant;
}

const TERMS: Record<string, (args: TermArgs) => ThreatModel> = {
  C: args => new ReColor({...args, space: 'luv'}),
  'C-RGB': args => new ReColor({...args, space: 'rgb'}),
  'C-YPbPr': args => new ReColor({...args, space: 'ypbpr'}),
  'C-HSV': args => new ReColor({...args, space: 'hsv'}),
  D: args => new Delta(args),
  S: args => new StAdv(args),
};

const ALLOWED =
  `Allowed are ${Object.keys(TERMS).join(', ')}, joined by +, each with an ` +
  'optional bound in parentheses, such as C+S+D or D(4/255), and C and S with ' +
  'an optional bound on the difference of neighbors, such as C(0.06, smooth=0.04); or None.';

/** A number, or one number over another. */
const NUMBER = /^(\d*\.?\d+(?:e-?\d+)?)(?:\s*\/\s*(\d*\.?\d+(?:e-?\d+)?))?$/;
const TERM = /^([A-Za-z-]+)(?:\(([^()]*)\))?$/;

/** Names that others have for D. */
function known(part: string): string {
  return /^\s*(i?fgsm|pgd|bim|apgd|linf|l2)\b/i.test(part)
    ? "PGD and FGSM search the additive perturbations D: 'D(8/255)', with steps: 1 and optimizer: 'sign' for FGSM. "
    : '';
}

/**
 * Reads an attack as it is written in the paper: terms joined by `+`, applied
 * from left to right, each with an optional bound: `C+S+D`, `D(4/255)`,
 * `C(0.03)`; C and S also with a bound on the difference of neighbors:
 * `C(0.06, smooth=0.04)`, `S(smooth=0.03)`. `None` is the identity.
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
    const args = match && readArgs(spec, match[1], match[2]);
    if (!args || !Object.hasOwn(TERMS, match[1])) {
      throw new Error(
        `Attack '${spec}': '${part.trim()}' is not a term. ${known(part)}${ALLOWED}`,
      );
    }
    return TERMS[match[1]]({...args, variant});
  });
  return terms.length === 1 ? terms[0] : new Sequence(terms);
}

/** What is inside a term's parentheses; null if it cannot be read. */
function readArgs(
  spec: string,
  term: string,
  inside: string | undefined,
): TermArgs | null {
  const args: TermArgs = {};
  if (inside === undefined) return args;
  for (const [i, part] of inside.split(',').entries()) {
    const smooth = /^\s*smooth\s*=(.*)$/.exec(part);
    const key = smooth ? 'smooth' : 'epsilon';
    if (!smooth && i > 0) return null;
    if (smooth && term === 'D') {
      throw new Error(
        `Attack '${spec}': D has no neighbors to differ from; smooth is a bound of C and S.`,
      );
    }
    if (key in args) {
      throw new Error(`Attack '${spec}': ${term} has smooth twice.`);
    }
    const value = readNumber(smooth ? smooth[1] : part);
    if (smooth && value === null) {
      throw new Error(
        `Attack '${spec}': smooth must be a number of at least 0, such as smooth=0.04, but is '${smooth[1].trim()}'.`,
      );
    }
    if (value === null) return null;
    args[key] = value;
  }
  return args;
}

function readNumber(text: string): number | null {
  const match = NUMBER.exec(text.trim());
  return match && Number(match[1]) / Number(match[2] ?? 1);
}
