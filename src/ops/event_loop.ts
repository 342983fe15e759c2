let last = 0;

/** Lets timers, signals and drawing through, up to 30 times a second. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < 30) return;
  await new Promise(resolve => setTimeout(resolve));
  last = performance.now();
}
