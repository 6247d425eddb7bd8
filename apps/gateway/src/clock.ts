/** Time as the gateway sees it. Everything that waits or measures takes a `Clock`, so that no test sleeps. */
export interface Clock {
  /** Wall time, epoch milliseconds. */
  now(): number;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Runs `task` once after `delayMs`, unless cancelled by calling what it returns. Keeps no process alive. */
  after(delayMs: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
