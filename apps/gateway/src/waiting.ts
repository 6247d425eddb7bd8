import type { Gate, Refusal } from './judge.ts';

/** How long a request with a brand-new value waits for the feed to bring it. */
const patienceMs = 2_000;

/** More requests than this do not wait at once; those past it get their refusal immediately. */
const maxWaiting = 1_000;

/** Lets requests with a value that is younger than the feed wait for it. */
export class WaitingRoom {
  #waiting = 0;

  /**
   * Asks; and while the answer is a refusal that the feed may still change, asks again after every change of the state, for
   * at most two seconds. Nobody waits but the holder of a correctly signed, brand-new value.
   */
  ask<Yes extends object>(gate: Gate, question: () => Yes | Refusal): Yes | Refusal | Promise<Yes | Refusal> {
    const answer = question();
    if (!mayChange(answer) || this.#waiting >= maxWaiting) return answer;
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        stopListening();
        cancelTimer();
        this.#waiting -= 1;
        act();
      };
      const askAgain = (): void => {
        try {
          const next = question();
          if (!mayChange(next)) settle(() => resolve(next));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const stopListening = gate.state.onChange(askAgain);
      const cancelTimer = gate.clock.after(patienceMs, () => settle(() => resolve(answer)));
    });
  }
}

function mayChange(answer: object): boolean {
  return 'mayArrive' in answer;
}
