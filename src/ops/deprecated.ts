const said = new Set<string>();

/** Says once on the console that a name has changed. */
export function deprecated(former: string, present: string): void {
  if (said.has(former)) return;
  said.add(former);
  console.warn(
    `tfjs-adversarial: ${former} is now ${present}; the former name works until version 0.3.`,
  );
}
