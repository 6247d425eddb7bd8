import type pino from 'pino';
import type { Tx } from '../store/open.ts';
import { takeTurn } from '../store/organizations.ts';
import { noteUses } from '../store/tokens.ts';

const flushMs = 5000;
const maxWaiting = 100_000;

/** Remembers when each token was last used, without a write for each request. */
export interface LastUse {
  /** Costs an entry in memory; the database hears of it within seconds, once for all uses in between. */
  note(token: { readonly organizationId: string; readonly id: string }, address: string): void;
  /** Writes what waits now. Never throws: what could not be written waits for the next time. */
  flush(): Promise<void>;
  start(): void;
  /** Writes what waits, and no more after that. */
  stop(): Promise<void>;
}

/** @param write the store's own, because a use has no actor and needs no audit record */
export function createLastUse(
  write: (change: (tx: Tx) => Promise<void>) => Promise<void>,
  now: () => number,
  log: Pick<pino.Logger, 'warn'>,
): LastUse {
  let waiting = new Map<string, { organizationId: string; tokenId: string; at: number; address: string }>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const flushOnce = async (): Promise<void> => {
    if (waiting.size === 0) return;
    const taken = waiting;
    waiting = new Map();
    try {
      const inOrder = [...taken.values()].sort((a, b) => (a.tokenId < b.tokenId ? -1 : 1)); // two processes never wait in a circle
      await write(async (tx) => {
        for (const id of [...new Set(inOrder.map((use) => use.organizationId))].sort()) await takeTurn(tx, id);
        await noteUses(tx, inOrder);
      });
    } catch (error) {
      for (const [id, use] of taken) if (!waiting.has(id)) waiting.set(id, use);
      log.warn({ err: error }, 'last uses of tokens could not be written yet');
    }
  };
  const flush = (): Promise<void> => {
    flushing = flushing.then(flushOnce);
    return flushing;
  };

  return {
    note({ organizationId, id }, address) {
      if (waiting.size >= maxWaiting && !waiting.has(id)) return; // only while the database is gone; the next use is noted again
      waiting.set(id, { organizationId, tokenId: id, at: now(), address });
    },
    flush,
    start() {
      timer ??= setInterval(() => void flush(), flushMs).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await flush();
    },
  };
}
