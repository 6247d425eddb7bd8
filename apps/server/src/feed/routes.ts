import { once } from 'node:events';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';
import { createFeedHub, type Listener } from './hub.ts';

const FeedQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).describe('The last sequence the gateway applied.'),
  epoch: z.string().max(64).default('').describe('The epoch that sequence belongs to.'),
});

/** How long a gateway may take to read what it was sent. Then it is cut, and so is what waits for it in memory. */
const patienceMs = 30_000;

/** The only path where agent tokens are good for anything. */
export function registerFeed(app: App, deps: Deps): void {
  const hub = createFeedHub(deps);
  app.addHook('preClose', async () => hub.close());
  app.get(
    '/data-plane/v1/feed',
    {
      config: { access: 'agent' },
      schema: { hide: true, summary: 'Everything a gateway must know, as it happens', querystring: FeedQuery },
    },
    async (request, reply) => {
      const { principal, query } = request;
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      raw.socket?.setNoDelay(true);
      const listener: Listener = {
        deploymentId: principal.homeEntityId,
        agentTokenId: principal.id,
        ...(principal.expiresAt === undefined ? {} : { expiresAt: principal.expiresAt }),
        position: query.epoch ? { epoch: query.epoch, sequence: query.after } : undefined,
        async send(line) {
          if (raw.destroyed || raw.writableEnded) throw new Error('the gateway hung up');
          if (!raw.write(line)) await once(raw, 'drain', { signal: AbortSignal.timeout(patienceMs) });
        },
        end() {
          raw.end();
          setTimeout(() => raw.destroy(), patienceMs).unref();
        },
      };
      if (principal.endedAt !== undefined) {
        await hub.sendEnd(listener, principal.endedAt);
        return;
      }
      const stop = hub.connect(listener);
      request.raw.once('close', stop);
    },
  );
}
