/** Asks one gateway about one token, again and again, over one connection that stays open. */
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Watched {
  /** `performance.now()` when the answer that ended the watch was there. */
  readonly at: number;
  readonly status: number;
}

export class GatewayWatch {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Asks until the answer has one of these statuses; each question begins `everyMs` after the one before, or at once when
   * the answer took longer. Throws after `timeoutMs`, and on any other status than those and `meanwhile`.
   */
  async until(
    token: string,
    wanted: number,
    meanwhile: number,
    { everyMs, timeoutMs }: { everyMs: number; timeoutMs: number },
  ): Promise<Watched> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const sentAt = performance.now();
      const status = await this.ask(token);
      const at = performance.now();
      if (status === wanted) return { at, status };
      if (status !== meanwhile) throw new Error(`${this.#url} answered ${status}`);
      if (at > deadline) throw new Error(`${this.#url} still answered ${status} after ${timeoutMs / 1000} s`);
      await sleep(Math.max(0, everyMs - (at - sentAt)));
    }
  }

  ask(token: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = get(this.#url, { agent: this.#agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', reject);
      });
      request.once('error', reject);
      request.setTimeout(10_000, () => request.destroy(new Error(`${this.#url} does not answer`)));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
