import test from 'ava';
import {
  attackOptions,
  checkSpec,
  describeAttacks,
  describeSearch,
  isStrong,
  reachWarnings,
  type SearchOptions,
  searchSettings,
  singleSearchNote,
  splitSpecs,
} from '../../src/cli/search_options.js';
import {attack} from '../../src/index.js';

const STANDARD: SearchOptions = {steps: 100, restarts: 1, seed: 0};

test('commas within parentheses, nested ones too, do not separate specs', t => {
  t.deepEqual(splitSpecs('None, C(0.06, smooth=0.01),strong(D(4/255), 100)'), [
    'None',
    'C(0.06, smooth=0.01)',
    'strong(D(4/255), 100)',
  ]);
  t.deepEqual(splitSpecs(''), ['']);
});

test('every spec is checked before any work, that of a strong evaluation too', t => {
  t.is(checkSpec('C+D(4/255)'), attack('C+D(4/255)').name);
  t.is(checkSpec('strong'), 'strong');
  t.is(checkSpec('strong( C+S )'), 'strong(C+S)');
  t.is(
    checkSpec('strong(D(2/255), x=1)'),
    `strong(${attack('D(2/255)').name}, x=1)`,
  );
  for (const spec of [
    'Q',
    '',
    'strong(Q)',
    'strong()',
    'strongC',
    'strong(C',
    'D)',
  ]) {
    t.throws(() => checkSpec(spec), {message: /is not a term/}, spec);
  }
  t.throws(() => checkSpec('strong(C)', {steps: -1}), {message: /steps/});
  t.deepEqual(['strong', 'strong(C)', 'C'].map(isStrong), [true, true, false]);
});

test('options reach the attack, and those not given have its defaults', t => {
  const given = {...STANDARD, optimizer: 'sign', loss: 'crossEntropy'};
  const {options} = attack(
    'C',
    attackOptions(
      {...given, smoothnessWeight: 0, learningRate: 0.01, restarts: 3},
      'paper',
    ),
  );
  t.is(options.optimizer, 'sign');
  t.is(options.loss, 'crossEntropy');
  t.is(options.learningRate, 0.01);
  t.is(options.restarts, 3);
  const none = attack('C', attackOptions(STANDARD, 'paper')).options;
  const standard = attack('C', {seed: 0}).options;
  t.deepEqual(none, standard);
  t.is(
    describeSearch(searchSettings(STANDARD)),
    '100 steps of adam, learning rate 0.001, loss margin, smoothness weight 0.05, 1 search',
  );
  t.is(searchSettings({...STANDARD, optimizer: 'sign'}).learningRate, null);
});

test('too few steps are warned of, with the terms whose bound they cannot reach', t => {
  const warn = (specs: string[], options: Partial<SearchOptions>) =>
    reachWarnings(specs, searchSettings({...STANDARD, ...options}));
  t.deepEqual(warn(['None', 'C', 'D', 'S', 'C+S+D'], {}), []);
  const [few] = warn(['C', 'C+S+D', 'None'], {steps: 10});
  t.regex(
    few,
    /10 steps of 0.001 .* at most 0.01,.* C \(0.06\), S \(0.05\), D/,
  );
  t.regex(few, /at least 0.006, better 0.01/);
  t.deepEqual(warn(['C', 'S', 'D'], {steps: 10, learningRate: 0.01}), []);
  t.deepEqual(warn(['C'], {steps: 6, learningRate: 0.01}), [], 'just reaches');
  t.is(warn(['D(0.5)'], {}).length, 1);
  t.is(warn(['D'], {optimizer: 'sign', learningRate: 1e-4}).length, 1);
  // These follow the bound, or adapt.
  t.deepEqual(warn(['D'], {optimizer: 'sign', steps: 3}), []);
  t.deepEqual(warn(['D'], {optimizer: 'apgd', steps: 3}), []);
  t.deepEqual(warn(['None', 'strong(C)'], {steps: 3}), []);
});

test('what a single search leaves out is said where there is one', t => {
  t.is(singleSearchNote(['None', 'strong(D)', 'D(4/255)']).length, 1);
  t.deepEqual(singleSearchNote(['None', 'strong(C+S+D)', 'strong']), []);
  const settings = searchSettings(STANDARD);
  t.is(
    describeAttacks(settings, ['None', 'D']),
    `Each attack: ${describeSearch(settings)}`,
  );
  t.regex(
    describeAttacks(settings, ['D', 'strong(D)']),
    /^Each attack but strong\(…\), whose searches are its own: 100 steps of adam/,
  );
});
