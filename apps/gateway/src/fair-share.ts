interface Queue<Member> {
  running: number;
  readonly waiting: Map<Member, () => void>;
}

/**
 * Keeps one caller from taking everything: each may hold so much of something at a time, and what comes above that waits
 * for its own, not for that of others. Without it, the holder of a token for one Dag could, by sending bodies slowly,
 * keep everybody else out.
 */
export class FairShare<Member extends object> {
  readonly #queues = new Map<string, Queue<Member>>();
  readonly #most: number;

  /** @param most how much one caller may hold, at least 1 */
  constructor(most: number) {
    this.#most = Math.max(1, most);
  }

  /** Whether the caller would have to wait. */
  isUsedUp(caller: string): boolean {
    return (this.#queues.get(caller)?.running ?? 0) >= this.#most;
  }

  /** Calls `start` now, or when the caller's turn comes. Each member has to `leave` once, started or not. */
  enter(caller: string, member: Member, start: () => void): void {
    const queue = this.#queues.get(caller) ?? { running: 0, waiting: new Map() };
    if (queue.running === 0) this.#queues.set(caller, queue); // a new one: those with nothing left are dropped
    if (queue.running >= this.#most) {
      queue.waiting.set(member, start);
      return;
    }
    queue.running++;
    start();
  }

  leave(caller: string, member: Member): void {
    const queue = this.#queues.get(caller);
    if (queue === undefined || queue.waiting.delete(member)) return;
    queue.running--;
    const next = queue.waiting.entries().next();
    if (!next.done) {
      const [waiting, start] = next.value;
      queue.waiting.delete(waiting);
      queue.running++;
      start();
    } else if (queue.running === 0) this.#queues.delete(caller);
  }
}
