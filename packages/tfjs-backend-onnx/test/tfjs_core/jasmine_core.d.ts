/** What is used of Jasmine, whose package has no types. */
declare module 'jasmine-core' {
  interface SpecResult {
    fullName: string;
    status: 'passed' | 'failed' | 'pending' | 'excluded';
    failedExpectations: {message: string}[];
  }

  interface Jasmine {
    DEFAULT_TIMEOUT_INTERVAL: number;
    getEnv(): {
      configure(options: {random: boolean}): void;
      addReporter(reporter: {specDone(result: SpecResult): void}): void;
      execute(): Promise<unknown>;
    };
  }

  const core: {boot(): Jasmine};
  export default core;
}
