/** What `f` prints by `console.log` or `console.warn`, one entry a call; it is not printed. */
export function said(method: 'log' | 'warn', f: () => void): string[] {
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
