import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';

/** A `next` key is published at least an hour before it signs, so a copy this old still holds every key that signs. */
const maxAgeSeconds = 300;

/** The public halves of the token keys, for whoever verifies without asking us (RFC 7517 §5). Feed keys are pinned, not looked up. */
export function registerSigningKeys(app: App, deps: Deps): void {
  app.get('/.well-known/jwks.json', { config: { access: 'public' } }, async (_request, reply) => {
    reply.header('cache-control', `public, max-age=${maxAgeSeconds}`).type('application/jwk-set+json; charset=utf-8');
    return JSON.stringify({ keys: deps.signingKeys.published('token') });
  });
}
