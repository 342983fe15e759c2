import {setupCommand} from '../src/cli/setup.js';

await setupCommand('npm run setup:tensorflow --').parseAsync();
