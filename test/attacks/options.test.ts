import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {Delta} from '../../src/attacks/threat_models/delta.js';
import {type AttackOptions, resolveOptions} from '../../src/attacks/options.js';

test('the defaults are those of the evaluation in the paper', t => {
  t.deepEqual(resolveOptions({}), {
    variant: 'paper',
    steps: 100,
    optimizer: 'adam',
    loss: 'margin',
    confidence: Infinity,
    eotSamples: 1,
    smoothnessWeight: 0.05,
    restarts: 1,
    randomStart: false,
    keep: 'best',
    earlyStop: false,
    targeted: false,
  });
  t.is(resolveOptions({variant: 'reference'}).keep, 'last');
  t.is(resolveOptions({variant: 'reference', keep: 'best'}).keep, 'best');
  t.deepEqual(resolveOptions({loss: 'kl'}).randomStart, {stddev: 0.001});
  t.is(resolveOptions({loss: 'kl', randomStart: false}).randomStart, false);
  t.is(resolveOptions({loss: 'kl', steps: 0}).randomStart, false);
});

test('undefined is as good as left out', t => {
  const given = Object.fromEntries(
    Object.keys(resolveOptions({})).map(key => [key, undefined]),
  );
  t.deepEqual(resolveOptions({...given, seed: undefined}), resolveOptions({}));
});

const REFUSED: Array<[option: object, message: RegExp]> = [
  [{steps: -1}, /steps must be a whole number of at least 0, but is -1/],
  [{steps: 1.5}, /whole number/],
  [{steps: '10'}, /whole number of at least 0, but is "10"/],
  [{steps: NaN}, /but is NaN/],
  [{steps: Infinity}, /but is Infinity/],
  [
    {optimizer: 'sgd'},
    /one of adam, sign, apgd, square, or an object with the functions init and update, but is "sgd"/,
  ],
  [{learningRate: 0}, /above 0/],
  [{learningRate: -1}, /above 0/],
  [{learningRate: Infinity}, /above 0, but is Infinity/],
  [{loss: 'mse'}, /one of margin, crossEntropy, kl, dlr, or a function/],
  [{confidence: -1}, /at least 0, or Infinity/],
  [{smoothnessWeight: NaN}, /at least 0, but is NaN/],
  [{smoothnessWeight: -0.1}, /at least 0/],
  [{restarts: 0}, /at least 1/],
  [{randomStart: 'yes'}, /true, false or \{stddev: number\}/],
  [{randomStart: {}}, /stddev/],
  [{randomStart: {stddev: -1}}, /stddev/],
  [{randomStart: {stddev: '1'}}, /stddev/],
  [{randomStart: {stddev: Infinity}}, /stddev/],
  [{seed: -1}, /seed must be a whole number/],
  [{seed: 0.5}, /whole number/],
  [{keep: 'first'}, /one of best, last/],
  [{earlyStop: 1}, /true or false, but is 1/],
  [{targeted: 'no'}, /true or false/],
  [{variant: 'released'}, /one of paper, reference/],
  [{step: 5}, /no attack option 'step'.*steps/],
  [{epsilon: 0.1}, /no attack option 'epsilon'/],
  [{toString: 1}, /no attack option 'toString'/],
];

for (const [option, message] of REFUSED) {
  const [[name, value]] = Object.entries(option);
  const shown = typeof value === 'number' ? value : JSON.stringify(value);
  test(`${name}: ${shown} is refused`, t => {
    t.regex(
      t.throws(() => attack('D', option as AttackOptions)).message,
      message,
    );
  });
}

test('options that are no object are refused', t => {
  for (const options of [null, 'paper', 5]) {
    t.regex(
      t.throws(() => attack('D', options as AttackOptions)).message,
      /options/,
    );
  }
});

test('an attack says what it is', t => {
  const {name, threatModel, options} = attack('D(4/255)', {steps: 7});
  t.is(name, 'D(4/255)');
  t.true(threatModel instanceof Delta);
  t.is(options.steps, 7);
});

test('the variant reaches threat models that are given as such', t => {
  const model = new Delta();
  t.is(attack(model).threatModel, model);
  const {threatModel} = attack(model, {variant: 'reference'});
  t.is((threatModel as Delta).variant, 'reference');
});

test('what is neither spec nor threat model is refused', t => {
  for (const spec of [{}, null, undefined, 3, []]) {
    const {message} = t.throws(() => attack(spec as unknown as string));
    t.true(message.includes('threat model'), message);
    t.true(message.includes('C-RGB'), message);
  }
});

test('former names of options work, with a note', t => {
  const notes: unknown[] = [];
  const original = console.warn;
  console.warn = note => void notes.push(note);
  try {
    t.is(resolveOptions({smoothness: 0.1}).smoothnessWeight, 0.1);
    t.deepEqual(resolveOptions({randomStart: {deviation: 2}}).randomStart, {
      stddev: 2,
    });
    resolveOptions({smoothness: 0.2});
  } finally {
    console.warn = original;
  }
  t.is(notes.length, 2);
  t.regex(String(notes[0]), /smoothness is now smoothnessWeight/);
});
