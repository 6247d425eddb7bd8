/** So many requests a second for each token and kind of method (`reference/api.md` 1.7). */
import type { Deps } from '../deps.ts';
import { Problem } from '../problem.ts';
import type { App } from '../routing.ts';

interface Bucket {
  tokens: number;
  at: number;
}

const maxBuckets = 100_000;

/** Token buckets that hold one second's worth. In this process only: behind several servers a token gets that much from each. */
export function createRateLimiter(now: () => number): { take(key: string, perSecond: number): number } {
  const buckets = new Map<string, Bucket>();
  return {
    /** @returns 0 when allowed, otherwise the milliseconds until the next request is */
    take(key, perSecond) {
      const at = now();
      const bucket = buckets.get(key) ?? { tokens: perSecond, at };
      if (buckets.size >= maxBuckets && !buckets.has(key)) buckets.clear(); // a fresh second for everybody is the cheapest way out
      bucket.tokens = Math.min(perSecond, bucket.tokens + (Math.max(0, at - bucket.at) / 1000) * perSecond);
      bucket.at = at;
      buckets.set(key, bucket);
      if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1000);
      bucket.tokens -= 1;
      return 0;
    },
  };
}

export function registerRateLimit(app: App, deps: Deps): void {
  const { getsPerSecond, postsPerSecond, deletesPerSecond } = deps.config;
  const limiter = createRateLimiter(deps.now);
  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    if (request.is404 || access === undefined || access === 'public') return;
    const perSecond = request.method === 'GET' ? getsPerSecond : request.method === 'DELETE' ? deletesPerSecond : postsPerSecond;
    const waitMs = limiter.take(`${request.method} ${request.principal.id}`, perSecond);
    if (waitMs === 0) return;
    reply.header('retry-after', String(Math.ceil(waitMs / 1000)));
    throw new Problem('rate_limited', `At most ${perSecond} ${request.method} requests a second for one token.`);
  });
}
