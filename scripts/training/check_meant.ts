import type {Settings} from './settings.js';

/** Options that not every row has, and the rows that have them. */
const ONLY = {
  smoothness: 'rows that train against C or S',
  crafting: 'rows that train against an attack',
  mix: 'rows that train on the examples of an attack with --objective loss',
  objective: 'rows that train against an attack',
  labelSmoothing:
    'rows that train against an attack, with another --objective than mart',
  awp: 'rows that train against an attack',
  union: 'rows that train against several attacks',
  onOverfitting: 'rows that train with --crafting fast',
} satisfies Partial<Record<keyof Settings, string>>;

/**
 * An option that some of the rows have is left out of the others.
 *
 * @param given The options of the command line.
 * @throws Error naming an option that none of the rows has.
 */
export function checkMeant(
  given: Partial<Record<keyof typeof ONLY, unknown>>,
  rows: Settings[],
): void {
  for (const [key, whose] of Object.entries(ONLY)) {
    const name = key as keyof typeof ONLY;
    if (given[name] === undefined) continue;
    if (rows.some(settings => settings[name] !== null)) continue;
    const flag = key.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`);
    const names = rows.map(({defense}) => defense).join(', ');
    throw new Error(
      `--${flag} is for ${whose}; ${names} ${rows.length > 1 ? 'have' : 'has'} no such option.`,
    );
  }
}
