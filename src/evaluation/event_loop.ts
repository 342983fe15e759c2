let last = 0;

/** Lets signals and timers through, some times a second: all else here is synchronous. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < 30) return;
  await new Promise(resolve => setTimeout(resolve));
  last = performance.now();
}
