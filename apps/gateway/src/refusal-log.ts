import type { ProblemCode } from '@astrolabe/contract/problems';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** What is told of a refusal. Never the target, as a token may stand in it. */
export interface ToldRefusal {
  readonly requestId: string;
  readonly code: ProblemCode;
  readonly method: string;
  /** Id of the token, when it is one that was once good here. */
  readonly token: string | undefined;
}

/** So many are told in any second; a flood of them must not become a flood on the disk. */
const mostPerSecond = 50;

/** Tells of refusals: those of known tokens and of tokens in a URL as the day's story, all others only in detail. */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  #secondBegan = Number.NEGATIVE_INFINITY;
  #told = 0;
  #untold = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  tell(refusal: ToldRefusal): void {
    if (refusal.token === undefined && refusal.code !== 'credential_in_url') {
      this.#log.debug(refusal, 'refused');
      return;
    }
    const now = this.#clock.monotonicMs();
    if (now - this.#secondBegan >= 1_000) this.#beginSecond(now);
    if (this.#told >= mostPerSecond) {
      this.#untold += 1;
      return;
    }
    this.#told += 1;
    this.#log.info(refusal, 'refused');
  }

  /** U-07: what was left out is counted, and told before the next one. */
  #beginSecond(now: number): void {
    if (this.#untold > 0) this.#log.warn({ count: this.#untold }, 'more was refused than is told one by one');
    this.#secondBegan = now;
    this.#told = 0;
    this.#untold = 0;
  }
}
