/** What `f` prints with `console.log` or `console.warn`, one entry per call; it is not printed. */
export function printed(method: 'log' | 'warn', f: () => void): string[] {
  const found: string[] = [];
  const original = console[method];
  console[method] = (...args: unknown[]) => found.push(args.join(' '));
  try {
    f();
  } finally {
    console[method] = original;
  }
  return found;
}
