#!/usr/bin/env node
import {Command} from 'commander';
import {attackCommand} from './attack.js';
import {benchCommand} from './bench.js';
import {onlyInRepository} from './elsewhere.js';
import {evaluateCommand} from './evaluate.js';
import {setupCommand} from './setup.js';
import {trainCommand} from './train.js';

const NAME = 'npx tfjs-adversarial';

const evaluate = evaluateCommand({
  name: 'evaluate',
  attacks: ['None', 'C', 'D', 'S', 'C+S+D'],
  examples: [
    `${NAME} evaluate --model my-model --images pictures --html report.html`,
    `${NAME} evaluate --model model.h5 --images pictures --attacks 'None,D(4/255),strong(D)' --examples 200`,
    `${NAME} evaluate --model my-model --images list.csv --range 0,255 --json result.json`,
  ],
  elsewhere: onlyInRepository,
});

await new Command('tfjs-adversarial')
  .description(
    'How robust is an image classifier? Evaluate it, look at attacked pictures, make it more robust.',
  )
  .addCommand(evaluate)
  .addCommand(attackCommand('attack'))
  .addCommand(trainCommand('train'))
  .addCommand(benchCommand('bench'))
  .addCommand(setupCommand('setup-tensorflow'))
  .showHelpAfterError('(--help lists the commands)')
  .exitOverride(({exitCode}) => process.exit(exitCode === 0 ? 0 : 2))
  .parseAsync();
