/**
 * Logging is no reason to end a training of hours. What is returned runs a
 * function, and says in one line, once, if it throws.
 *
 * @param what Is left out, for the line.
 */
export function unfailing(what: string): (write: () => void) => void {
  let warned = false;
  return write => {
    try {
      write();
    } catch (error) {
      if (!warned) {
        console.warn(
          `${what} is incomplete: ${(error as Error).message} Training goes on.`,
        );
      }
      warned = true;
    }
  };
}
