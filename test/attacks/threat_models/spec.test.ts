import test from 'ava';
import fc from 'fast-check';
import {Delta} from '../../../src/attacks/threat_models/delta.js';
import {ReColor} from '../../../src/attacks/threat_models/recolor.js';
import {Sequence} from '../../../src/attacks/threat_models/sequence.js';
import {parseSpec} from '../../../src/attacks/threat_models/spec.js';
import {StAdv} from '../../../src/attacks/threat_models/stadv.js';

const ACCEPTED: Record<string, [name: string, bounds: number[]]> = {
  None: ['None', []],
  ' None ': ['None', []],
  C: ['C', [0.06, 0.06, 0.06]],
  'C-RGB': ['C-RGB', [0.06, 0.06, 0.06]],
  'C-YPbPr': ['C-YPbPr', [0.06, 0.06, 0.06]],
  'C-HSV': ['C-HSV', [0.06, 0.06, 0.06]],
  D: ['D', [8 / 255]],
  S: ['S', [0.05]],
  'D(4/255)': ['D(4/255)', [4 / 255]],
  'D( 4 / 255 )': ['D(4/255)', [4 / 255]],
  'D(8/255)': ['D', [8 / 255]],
  'D(.031)': ['D(0.031)', [0.031]],
  'D(1e-2)': ['D(0.01)', [0.01]],
  'C(0.03)': ['C(0.03)', [0.03, 0.03, 0.03]],
  'C-HSV(0.1)': ['C-HSV(0.1)', [0.1, 0.1, 0.1]],
  'S(0.06)': ['S(0.06)', [0.06]],
  'D(0)': ['D(0/255)', [0]],
  'C+S+D': ['C+S+D', [0.06, 0.06, 0.06, 0.05, 8 / 255]],
  ' D + C(0.03) ': ['D+C(0.03)', [8 / 255, 0.03, 0.03, 0.03]],
  'D+D(4/255)': ['D+D(4/255)', [8 / 255, 4 / 255]],
};

for (const [spec, [name, bounds]] of Object.entries(ACCEPTED)) {
  test(`'${spec}' is read`, t => {
    const model = parseSpec(spec);
    t.is(model.name, name);
    t.deepEqual(model.bounds(), bounds);
    // Its name is a spec of the same.
    t.deepEqual(parseSpec(model.name).bounds(), bounds);
  });
}

const REJECTED = [
  '',
  ' ',
  'c',
  'd',
  'E',
  'none',
  'C,D',
  'C D',
  'C++D',
  '+C',
  'C+',
  'None+D',
  'C+None',
  'D()',
  'D(8/255',
  'D)8/255(',
  'D(8/)',
  'D(/255)',
  'D(1/2/3)',
  'D(-0.1)',
  'D(0.1,0.2)',
  'D(ε)',
  'D(Infinity)',
  'D(NaN)',
  'D4/255',
  'C-LAB',
  'C_RGB',
  'D[l2](0.5)',
  'constructor',
  'toString',
  '__proto__',
];

for (const spec of REJECTED) {
  test(`'${spec}' is refused, naming what is allowed`, t => {
    const {message} = t.throws(() => parseSpec(spec));
    const wrong = spec.split('+').map(part => part.trim());
    t.true(
      wrong.some(part => message.includes(`'${part}' is not a term`)),
      message,
    );
    for (const allowed of [
      'C',
      'C-RGB',
      'C-YPbPr',
      'C-HSV',
      'D',
      'S',
      'None',
      'D(4/255)',
    ]) {
      t.true(message.includes(allowed), `${allowed} is not in: ${message}`);
    }
  });
}

for (const [spec, term, max] of [
  ['D(8)', 'Delta (D)', 1],
  ['C(1.5)', 'ReColor (C)', 1],
  ['C-HSV(2)', 'ReColor (C-HSV)', 1],
  ['S(2.1)', 'StAdv (S)', 2],
  ['D(8/0)', 'Delta (D)', 1],
  ['D(0/0)', 'Delta (D)', 1],
] as const) {
  test(`the bound of '${spec}' is refused, with the range`, t => {
    const {message} = t.throws(() => parseSpec(spec));
    t.true(message.includes(term) && message.includes(`from 0 to ${max}`));
  });
}

test('8 is taken for a bound in 255ths and the hint says so', t => {
  t.regex(t.throws(() => parseSpec('D(8)')).message, /8\/255/);
});

for (const spec of [null, undefined, 3, {}, ['C']]) {
  test(`${JSON.stringify(spec)} is not a spec`, t => {
    const {message} = t.throws(() => parseSpec(spec as unknown as string));
    t.true(message.includes('written as a string'), message);
    t.true(message.includes('C-RGB'));
  });
}

test('no string does anything but name a threat model or throw such an error', t => {
  const piece = fc.constantFrom(
    ...['C', 'D', 'S', 'None', '-RGB', '(', ')', '+', '/', '0.1', '8', ' '],
    ...['255', '.', 'e-1', ',', 'l2', 'smooth='],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, {maxLength: 8}).map(parts => parts.join('')),
        fc.string(),
      ),
      spec => {
        try {
          const model = parseSpec(spec);
          return model.bounds().every(b => b >= 0 && b <= 2);
        } catch (error) {
          return /Allowed are|the bound must be|smooth/.test(
            (error as Error).message,
          );
        }
      },
    ),
    {numRuns: 500},
  );
  t.pass();
});

test('terms are what they say, in their variant', t => {
  const {terms} = parseSpec('C-HSV+S+D', 'reference') as Sequence;
  t.true(terms[0] instanceof ReColor && terms[0].space === 'hsv');
  t.true(terms[1] instanceof StAdv);
  t.true(terms[2] instanceof Delta);
  for (const term of terms) {
    t.is((term as Delta).variant, 'reference');
  }
});

test('with() scales every bound or changes the variant, and nothing else', t => {
  const model = new Sequence([
    new ReColor({
      space: 'rgb',
      epsilon: [0.1, 0.2, 0.3],
      resolution: [2, 3, 4],
    }),
    new StAdv(),
    new Delta({norm: 'l2', epsilon: 0.5}),
  ]);
  const half = model.with({scale: 0.5});
  model
    .bounds()
    .forEach((b, i) => t.true(Math.abs(half.bounds()[i] - b / 2) < 1e-12));
  const [recolor, , delta] = half.terms as [ReColor, StAdv, Delta];
  t.is(recolor.space, 'rgb');
  t.deepEqual(recolor.resolution, [2, 3, 4]);
  t.is(delta.norm, 'l2');
  const other = model.with({variant: 'reference'});
  t.deepEqual(other.bounds(), model.bounds());
  for (const term of other.terms) t.is((term as StAdv).variant, 'reference');
});

const CONSTRUCTIONS: Array<[string, () => unknown, RegExp]> = [
  [
    'a norm that is none',
    () => new Delta({norm: 'l1' as 'l2'}),
    /'linf' or 'l2'/,
  ],
  ['l2 without a bound', () => new Delta({norm: 'l2'}), /needs an epsilon/],
  ['a bound below 0', () => new Delta({epsilon: -1}), /from 0 to 1/],
  [
    'a bound that is no number',
    () => new StAdv({epsilon: '8' as unknown as number}),
    /must be a number/,
  ],
  ['NaN', () => new StAdv({epsilon: NaN}), /from 0 to 2/],
  [
    'a color space that is none',
    () => new ReColor({space: 'lab' as 'luv'}),
    /luv, rgb, ypbpr, hsv, but is 'lab'/,
  ],
  [
    'a lattice of one point',
    () => new ReColor({resolution: [1, 4, 4]}),
    /whole numbers of at least 2/,
  ],
  [
    'a lattice of two axes',
    () => new ReColor({resolution: [4, 4] as unknown as [4, 4, 4]}),
    /three whole numbers/,
  ],
  [
    'two bounds',
    () => new ReColor({epsilon: [1, 1] as unknown as [1, 1, 1]}),
    /one number or three/,
  ],
  [
    'bounds that are nothing',
    () => new ReColor({epsilon: null as unknown as number}),
    /one number or three/,
  ],
  [
    'a sequence of one thing',
    () => new Sequence('C' as unknown as []),
    /list of threat models/,
  ],
  [
    'a sequence of specs',
    () => new Sequence(['C', 'D'] as unknown as []),
    /list of threat models/,
  ],
];

for (const [what, make, message] of CONSTRUCTIONS) {
  test(`a threat model of ${what} is refused`, t => {
    t.regex(t.throws(make).message, message);
  });
}
