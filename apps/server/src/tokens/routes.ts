import {
  ApiToken,
  CreateToken,
  CreateTokenV1Beta1,
  IssuedToken,
  OrganizationParams,
  RotateToken,
  SubjectRoles,
  TokenList,
  TokenListQuery,
  TokenParams,
  TokenRoles,
  UpdateToken,
} from '@astrolabe/contract';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';
import { createToken } from './create.ts';
import { replaceRoles } from './replace-roles.ts';
import { rotateToken } from './rotate.ts';
import { changeToken, deleteToken, getToken, listTokens } from './tokens.ts';

const tags = ['API Token'];
const config = { access: 'signed-in' } as const;
const collection = '/organizations/:organizationId/tokens';
const item = `${collection}/:tokenId`;

/** API tokens, under the base that `app` has as its prefix. */
export function registerTokens(app: App, deps: Deps): void {
  app.get(
    collection,
    {
      config,
      schema: {
        operationId: 'ListApiTokens',
        summary: 'List API tokens',
        tags,
        params: OrganizationParams,
        querystring: TokenListQuery,
        response: { 200: TokenList },
      },
    },
    async (request) => listTokens(deps, request.principal, request.params.organizationId, request.query),
  );
  registerCreate(app, deps);
  app.get(
    item,
    { config, schema: { operationId: 'GetApiToken', summary: 'Get an API token', tags, params: TokenParams, response: { 200: ApiToken } } },
    async (request) => getToken(deps, request.principal, request.params),
  );
  app.post(
    item,
    {
      config,
      schema: {
        operationId: 'UpdateApiToken',
        summary: 'Rename or describe an API token',
        tags,
        params: TokenParams,
        body: UpdateToken,
        response: { 200: ApiToken },
      },
    },
    async (request) => changeToken(deps, request.principal, request.params, request.body),
  );
  app.delete(
    item,
    {
      config,
      schema: {
        operationId: 'DeleteApiToken',
        summary: 'Delete an API token for good',
        tags,
        params: TokenParams,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await deleteToken(deps, request.principal, request.params);
      return reply.code(204).send();
    },
  );
  app.post(
    `${item}/roles`,
    {
      config,
      schema: {
        operationId: 'UpdateApiTokenRoles',
        summary: 'Replace the roles of an API token',
        tags,
        params: TokenParams,
        body: TokenRoles,
        response: { 200: SubjectRoles },
      },
    },
    async (request) => replaceRoles(deps, request.principal, request.params, request.body),
  );
  app.post(
    `${item}/rotate`,
    {
      config,
      schema: {
        operationId: 'RotateApiToken',
        summary: 'Replace the value of an API token',
        tags,
        params: TokenParams,
        body: RotateToken,
        response: { 200: IssuedToken },
      },
    },
    async (request, reply) => {
      holdsSecret(reply);
      return rotateToken(deps, request.principal, request.params, request.body);
    },
  );
}

/** The home scope is `scope` in v1 and `type` in the older bases; answers carry both. */
function registerCreate(app: App, deps: Deps): void {
  const schema = {
    operationId: 'CreateApiToken',
    summary: 'Create an API token',
    tags,
    params: OrganizationParams,
    response: { 200: IssuedToken },
  } as const;
  if (app.prefix.endsWith('/v1beta1')) {
    app.post(collection, { config, schema: { ...schema, body: CreateTokenV1Beta1 } }, async (request, reply) => {
      const { type: scope, ...input } = request.body;
      holdsSecret(reply);
      return createToken(deps, request.principal, request.params.organizationId, { ...input, scope });
    });
  } else {
    app.post(collection, { config, schema: { ...schema, body: CreateToken } }, async (request, reply) => {
      holdsSecret(reply);
      return createToken(deps, request.principal, request.params.organizationId, request.body);
    });
  }
}

/** RFC 6749 §5.1: no cache may keep the answer. */
function holdsSecret(reply: FastifyReply): void {
  reply.header('cache-control', 'no-store');
}
