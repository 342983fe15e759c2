// The licenses of libraries whose code a package contains.
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

/** Licenses that allow copies inside a package under Apache-2.0. */
const ALLOWED = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT AND OFL-1.1',
];

/**
 * Names and licenses of packages, from their own files.
 *
 * @param folders where the packages are.
 * @throws Error if a package has another license than {@link ALLOWED}, or no
 *     file with its text.
 */
export function licenseText(folders) {
  const parts = folders.map(folder => {
    const manifest = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    const {name, version, license} = manifest;
    if (!ALLOWED.includes(license)) {
      throw new Error(`${name} ${version} has the license ${license}.`);
    }
    const files = readdirSync(folder).filter(file =>
      /^(licen[cs]e|copying|notice)/i.test(file),
    );
    if (files.length === 0) {
      throw new Error(`${name} ${version} has no file with its license.`);
    }
    const texts = files
      .sort()
      .map(file => readFileSync(join(folder, file), 'utf8').trim());
    return `${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`;
  });
  const rule = `\n${'-'.repeat(72)}\n\n`;
  return (
    'The modules in this folder contain code of these packages.\n' +
    rule +
    [...new Set(parts)].sort().join(rule)
  );
}
