/** OpenAPI 3.1, generated from the registered routes: what is described is what answers. */
import { ProblemResponse } from '@astrolabe/contract';
import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { App } from '../routing.ts';
import { tidyComponents } from './openapi-components.ts';

/** The base that is described. The older two answer with the same handlers and would say everything three times. */
const described = '/v1';

/** Collects every route registered from here on; call it before the first one. */
export async function registerOpenApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Astrolabe',
        version: '1.0',
        description: 'Machine credentials for every Apache Airflow Deployment.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: described }],
      security: [{ token: [] }],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    transform: (route) => {
      if (!route.url.startsWith(`${described}/`)) return { schema: { hide: true }, url: route.url };
      return jsonSchemaTransform({ ...route, schema: { ...route.schema, response: withProblems(route.schema?.response) } });
    },
    transformObject: (document) => tidyComponents(jsonSchemaTransformObject(document)),
  });
  let document: string | undefined; // routes do not change once the server listens
  app.get('/spec/v1.0', { config: { access: 'public' } }, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger());
    reply.header('cache-control', 'public, max-age=300').type('application/json; charset=utf-8');
    return document;
  });
}

/** Every route can fail, and always in the same form. */
function withProblems(response: unknown): Record<string, unknown> {
  const described = Object.entries(response ?? {}).map(([status, schema]) => {
    if (schema instanceof z.ZodUndefined) return [status, schema.describe('Done.')]; // no body
    return [status, { description: 'Done.', content: { 'application/json': { schema } } }];
  });
  const problem = { description: 'It failed.', content: { 'application/problem+json': { schema: ProblemResponse } } };
  return { ...Object.fromEntries(described), default: problem };
}
