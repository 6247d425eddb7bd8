/** Something that must go on before a moment, or be told that it did not. */
export interface Waiting {
  /** Monotonic milliseconds (`performance.now()`); Infinity while nothing is expected. May change at any time. */
  dueAt: number;
  /** Where `Deadlines` keeps it; -1 while it is not watched. For `Deadlines` alone. */
  slot: number;
  /** The moment has passed. Called once at each sweep until it is forgotten or due later. */
  expire(): void;
}

/**
 * Deadlines of everything that is under way, for the price of one timer. A timer for each request, set and moved several
 * times, was a tenth of what forwarding costs. A deadline may be noticed one sweep late.
 *
 * An array, and not a set: a set that many things enter and leave grows a chain of outgrown tables, and once one of them is
 * old to the garbage collector, all later ones live on with what was in them (measured: a seventh of the time went there).
 */
export class Deadlines {
  readonly #waiting: Waiting[] = [];
  readonly #sweepMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param shortestMs the shortest time that anything is given; a sweep comes ten times as often, at most once a second */
  constructor(shortestMs: number) {
    this.#sweepMs = Math.min(1000, Math.max(1, shortestMs / 10));
  }

  watch(waiting: Waiting): void {
    waiting.slot = this.#waiting.push(waiting) - 1;
    this.#timer ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
  }

  forget(waiting: Waiting): void {
    const { slot } = waiting;
    const last = this.#waiting[this.#waiting.length - 1];
    if (slot < 0 || last === undefined) return;
    this.#waiting[slot] = last; // the last one takes its place
    last.slot = slot;
    waiting.slot = -1;
    this.#waiting.pop();
  }

  #sweep(): void {
    if (this.#waiting.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const waiting of [...this.#waiting]) if (waiting.dueAt <= now) waiting.expire();
  }
}
