import {
  AgentToken,
  AgentTokenList,
  AgentTokenListQuery,
  AgentTokenParams,
  CreateAgentToken,
  DeploymentParams,
  IssuedAgentToken,
} from '@astrolabe/contract';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';
import { createAgentToken, deleteAgentToken, getAgentToken, listAgentTokens } from './agent-tokens.ts';

const tags = ['Agent Token'];
const config = { access: 'signed-in' } as const;
const collection = '/organizations/:organizationId/deployments/:deploymentId/agent-tokens';
const item = `${collection}/:agentTokenId`;

/** Agent tokens of a Deployment, under the base that `app` has as its prefix. */
export function registerAgentTokens(app: App, deps: Deps): void {
  app.get(
    collection,
    {
      config,
      schema: {
        operationId: 'ListAgentTokens',
        summary: 'List agent tokens of a Deployment',
        tags,
        params: DeploymentParams,
        querystring: AgentTokenListQuery,
        response: { 200: AgentTokenList },
      },
    },
    async (request) => listAgentTokens(deps, request.principal, request.params, request.query),
  );
  app.post(
    collection,
    {
      config,
      schema: {
        operationId: 'CreateAgentToken',
        summary: 'Create an agent token',
        tags,
        params: DeploymentParams,
        body: CreateAgentToken,
        response: { 200: IssuedAgentToken },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store'); // RFC 6749 §5.1: the body holds a secret
      return createAgentToken(deps, request.principal, request.params, request.body);
    },
  );
  app.get(
    item,
    {
      config,
      schema: {
        operationId: 'GetAgentToken',
        summary: 'Get an agent token',
        tags,
        params: AgentTokenParams,
        response: { 200: AgentToken },
      },
    },
    async (request) => getAgentToken(deps, request.principal, request.params),
  );
  app.delete(
    item,
    {
      config,
      schema: {
        operationId: 'DeleteAgentToken',
        summary: 'Delete an agent token for good',
        tags,
        params: AgentTokenParams,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await deleteAgentToken(deps, request.principal, request.params);
      return reply.code(204).send();
    },
  );
}
