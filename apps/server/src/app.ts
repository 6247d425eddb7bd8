/** The HTTP side of the control plane: every route group by name, and what holds for all of them. */
import { randomUUID } from 'node:crypto';
import Fastify, { LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { registerAgentTokens } from './agent-tokens/routes.ts';
import { registerDeployments } from './deployments/routes.ts';
import type { Deps } from './deps.ts';
import { registerFeed } from './feed/routes.ts';
import { registerAuthentication } from './http/authenticate.ts';
import { registerBodies } from './http/bodies.ts';
import { registerHealth } from './http/health.ts';
import { registerOpenApi } from './http/openapi.ts';
import { answerClientError, answerFrameworkError, registerProblems } from './http/problems.ts';
import { registerRateLimit } from './http/rate-limit.ts';
import { registerRequestLog } from './http/request-log.ts';
import { registerOrganizations } from './organizations/routes.ts';
import type { App } from './routing.ts';
import { registerSigningKeys } from './signing-keys/routes.ts';
import { registerTokens } from './tokens/routes.ts';
import { registerWorkspaces } from './workspaces/routes.ts';

/** The bases existing clients use; all three answer with the same handlers (`reference/api.md` 1.1). */
const bases = ['/v1', '/iam/v1beta1', '/platform/v1beta1'] as const;

/** Builds the application; nothing listens yet, so tests can inject requests. */
export async function buildApp(deps: Deps): Promise<App> {
  const app: App = Fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }), // the request log writes the route and never a URL, which may hold a secret
    genReqId: () => randomUUID(),
    // one hop, the proxy in front: what stands further left in X-Forwarded-For, anybody may have written
    trustProxy: deps.config.trustProxy ? (_address, hop) => hop === 0 : false,
    bodyLimit: 1024 * 1024,
    requestTimeout: 60_000, // to arrive in full, headers and body; how long an answer takes is another matter (H-08)
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 16_384 }, // a token in the path must reach the check that refuses it
    exposeHeadRoutes: false,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    forceCloseConnections: 'idle', // requests under way are answered first
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  registerProblems(app);
  registerBodies(app);
  registerRequestLog(app);
  await registerOpenApi(app);
  registerAuthentication(app, deps);
  registerRateLimit(app, deps);

  registerHealth(app, deps);
  registerSigningKeys(app, deps); // /.well-known/jwks.json
  registerFeed(app, deps); // /data-plane/v1
  for (const base of bases) {
    await app.register(
      async (api: App) => {
        registerOrganizations(api, deps);
        registerWorkspaces(api, deps);
        registerDeployments(api, deps);
        registerTokens(api, deps);
        registerAgentTokens(api, deps);
      },
      { prefix: base },
    );
  }
  return app;
}
