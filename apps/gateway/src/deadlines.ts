/** Something that must go on before a moment, or be told that it did not. */
export interface Waiting {
  /** Monotonic milliseconds (`performance.now()`); Infinity while nothing is expected. May change at any time. */
  dueAt: number;
  /** The moment has passed. Called once at each sweep until it is forgotten or due later. */
  expire(): void;
}

/**
 * Deadlines of everything that is under way, for the price of one timer. A timer for each request, set and moved several
 * times, was a tenth of what forwarding costs. A deadline may be noticed one sweep late.
 */
export class Deadlines {
  readonly #waiting = new Set<Waiting>();
  readonly #sweepMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param shortestMs the shortest time that anything is given; a sweep comes ten times as often, at most once a second */
  constructor(shortestMs: number) {
    this.#sweepMs = Math.min(1000, Math.max(1, shortestMs / 10));
  }

  watch(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#timer ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
  }

  forget(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  #sweep(): void {
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const waiting of this.#waiting) if (waiting.dueAt <= now) waiting.expire();
  }
}
