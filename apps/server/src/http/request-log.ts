import type { App } from '../routing.ts';
import { addressOf } from './address.ts';
import { findPrincipalOf } from './authenticate.ts';

/**
 * One line for each request: the pattern of its route, never its URL, a header or a body, any of which may hold a secret.
 * The request id comes with the request's own logger.
 */
export function registerRequestLog(app: App): void {
  app.addHook('onResponse', async (request, reply) => {
    const tokenId = findPrincipalOf(request)?.id;
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        ...(tokenId === undefined ? {} : { tokenId }),
        address: addressOf(request),
      },
      'request',
    );
  });
}
