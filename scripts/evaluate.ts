import {evaluateCommand} from '../src/cli/evaluate.js';
import {COLUMNS} from './paper_rows.js';
import {evaluateElsewhere} from './work/evaluate_elsewhere.js';

const command = evaluateCommand({
  name: 'npm run evaluate --',
  attacks: COLUMNS,
  examples: [
    'npm run evaluate -- --model runs/demo/C+S+D --attacks None,C+S+D --examples 200',
    'npm run evaluate -- --model my-model --examples 1000 --json result.json',
    "npm run evaluate -- --model my-model --attacks 'None,D(4/255)' --steps 20 --learning-rate 0.005",
    "npm run evaluate -- --model robust:D --attacks 'None,strong(D)' --examples 100",
    'npm run evaluate -- --model delta.pt --attacks D --save adversarial.safetensors',
    'npm run evaluate -- --model my-model --images pictures --html report.html',
    'npm run evaluate -- --model my-model --examples 10000 --queue redis://localhost:6379 --json result.json',
  ],
  elsewhere: evaluateElsewhere,
});
await command.parseAsync();
