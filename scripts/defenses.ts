import {
  adversarialTraining,
  type AdversarialTrainingArgs,
  trades,
} from '../src/index.js';

export interface Defense {
  /** As in Table 1 of Laidlaw & Feizi 2019. */
  name: string;
  /** Whether the model sees images in gray. */
  grayscale: boolean;
  /** The training callback's arguments; none for plain training. */
  training: AdversarialTrainingArgs | null;
}

const ATTACKS = ['C', 'D', 'S', 'C+S', 'C+D', 'S+D', 'C+S+D'];

/** The eleven rows of Table 1, and one of ours: the worst of three attacks for each example. */
export const DEFENSES: Defense[] = [
  {name: 'Undefended', grayscale: false, training: null},
  ...ATTACKS.map(attack => ({
    name: attack,
    grayscale: false,
    training: {attack, mix: 'both' as const},
  })),
  {
    name: 'TRADES',
    grayscale: false,
    training: {attack: 'D(0.031)', objective: trades({beta: 6})},
  },
  {name: 'Undefended (B&W)', grayscale: true, training: null},
  {
    name: 'C (B&W)',
    grayscale: true,
    training: {attack: 'C', mix: 'both'},
  },
  {
    name: 'Union',
    grayscale: false,
    training: {attack: ['C', 'D', 'S'], union: 'worst', mix: 'both'},
  },
];

/** The row of that name, however it is written: `c b&w`, `C (B&W)`. */
export function findDefense(name: string): Defense {
  const simple = (text: string) => text.toLowerCase().replace(/[^a-z+&]/g, '');
  const found = DEFENSES.find(row => simple(row.name) === simple(name));
  if (!found) {
    throw new Error(
      `There is no defense '${name}'. There are: ${DEFENSES.map(row => row.name).join(', ')}.`,
    );
  }
  return found;
}

/** A row's name as a folder's: `C (B&W)` is in `C-BW`. */
export function folderName({name}: Defense): string {
  return name.replace(' (B&W)', '-BW');
}

/** The callbacks that a defense trains with. */
export function defenseCallbacks(
  {training}: Defense,
  args: Partial<AdversarialTrainingArgs>,
) {
  return training ? [adversarialTraining({...training, ...args})] : [];
}
