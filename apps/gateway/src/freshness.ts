import type { Clock } from './clock.ts';

/** A clock that differs from the control plane's by more than this counts as wrong. */
const maxClockDifferenceMs = 60_000;

/** A step back of the wall clock up to this is an ordinary correction. It can hide this much age and no more. */
const ordinaryCorrectionMs = 1_000;

interface Sign {
  /** When the control plane read its database, by its own clock. */
  readonly at: number;
  /** Our wall clock when the sign came. */
  readonly seenAt: number;
  /** Our monotonic clock at `at`, as well as we could tell when the sign came. */
  readonly monotonicAt: number;
}

/**
 * How old the gateway's knowledge is, told from signed heartbeats and two clocks (design section 8, point 5).
 *
 * The age is the larger of what both clocks say. Whatever makes them untrustworthy counts as infinitely old.
 */
export class Freshness {
  readonly #clock: Clock;
  /** The latest heartbeat that counted. */
  #latest: Sign | undefined;
  /** Whether `#latest` speaks of the state that is applied now. */
  #vouches = false;
  #isSkewed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a heartbeat of this moment. False when it is a replay, or when one of the two clocks is wrong. */
  count(at: number): boolean {
    const seenAt = this.#clock.now();
    this.#isSkewed = at > seenAt + maxClockDifferenceMs;
    if (this.#isSkewed || (this.#latest !== undefined && at <= this.#latest.at)) return false;
    this.#accept(at, seenAt);
    return true;
  }

  /** Takes up the last heartbeat of an earlier run, at its real age. `seenAt` is what the wall clock said then. */
  restore(at: number, seenAt: number): void {
    this.#isSkewed = at > this.#clock.now() + maxClockDifferenceMs;
    if (!this.#isSkewed) this.#accept(at, seenAt);
  }

  /** Another state was put in place of the one the last heartbeat spoke of. An older heartbeat still never counts. */
  forget(): void {
    this.#vouches = false;
  }

  /** Epoch milliseconds of the last heartbeat that counted, for anything; undefined before any. */
  get latestAt(): number | undefined {
    return this.#latest?.at;
  }

  /** How long the last heartbeat that counted was on its way, by both wall clocks; may be below zero. */
  get lagMs(): number | undefined {
    return this.#latest === undefined ? undefined : this.#latest.seenAt - this.#latest.at;
  }

  /** Age of the state; Infinity before any heartbeat, and while a clock is wrong. */
  stalenessMs(): number {
    if (this.#latest === undefined || !this.#vouches || this.isClockWrong()) return Number.POSITIVE_INFINITY;
    return Math.max(this.#clock.monotonicMs() - this.#latest.monotonicAt, this.#clock.now() - this.#latest.at, 0);
  }

  /** `clock_skew`: our wall clock went back, or differs from the control plane's by more than a minute. */
  isClockWrong(): boolean {
    return this.#isSkewed || (this.#latest !== undefined && this.#clock.now() < this.#latest.seenAt - ordinaryCorrectionMs);
  }

  #accept(at: number, seenAt: number): void {
    const age = Math.max(0, this.#clock.now() - at);
    this.#latest = { at, seenAt, monotonicAt: this.#clock.monotonicMs() - age };
    this.#vouches = true;
  }
}
