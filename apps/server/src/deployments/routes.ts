import {
  CreateDeployment,
  Deployment,
  DeploymentList,
  DeploymentListQuery,
  DeploymentOptions,
  DeploymentOptionsQuery,
  DeploymentParams,
  OrganizationParams,
  SetGateway,
  UpdateDeployment,
} from '@astrolabe/contract';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';
import { changeDeployment, createDeployment, deleteDeployment, getDeployment, listDeployments, setGateway } from './deployments.ts';
import { getDeploymentOptions } from './options.ts';

const tags = ['Deployment'];
const config = { access: 'signed-in' } as const;
const collection = '/organizations/:organizationId/deployments';
const item = `${collection}/:deploymentId`;

export function registerDeployments(app: App, deps: Deps): void {
  app.get(
    collection,
    {
      config,
      schema: {
        operationId: 'ListDeployments',
        summary: 'List Deployments',
        tags,
        params: OrganizationParams,
        querystring: DeploymentListQuery,
        response: { 200: DeploymentList },
      },
    },
    async (request) => listDeployments(deps, request.principal, request.params.organizationId, request.query),
  );

  app.post(
    collection,
    {
      config,
      schema: {
        operationId: 'CreateDeployment',
        summary: 'Create a Deployment',
        tags,
        params: OrganizationParams,
        body: CreateDeployment,
        response: { 200: Deployment },
      },
    },
    async (request) => createDeployment(deps, request.principal, request.params.organizationId, request.body),
  );

  app.get(
    '/organizations/:organizationId/deployment-options',
    {
      config,
      schema: {
        operationId: 'GetDeploymentOptions',
        summary: 'What a Deployment can be made of',
        tags: ['Options'],
        params: OrganizationParams,
        querystring: DeploymentOptionsQuery,
        response: { 200: DeploymentOptions },
      },
    },
    async (request) => getDeploymentOptions(deps, request.principal, request.params.organizationId),
  );

  app.get(
    item,
    {
      config,
      schema: { operationId: 'GetDeployment', summary: 'Get a Deployment', tags, params: DeploymentParams, response: { 200: Deployment } },
    },
    async (request) => getDeployment(deps, request.principal, request.params),
  );

  app.post(
    item,
    {
      config,
      schema: {
        operationId: 'UpdateDeployment',
        summary: 'Update a Deployment',
        tags,
        params: DeploymentParams,
        body: UpdateDeployment,
        response: { 200: Deployment },
      },
    },
    async (request) => changeDeployment(deps, request.principal, request.params, request.body),
  );

  app.delete(
    item,
    {
      config,
      schema: {
        operationId: 'DeleteDeployment',
        summary: 'Delete a Deployment',
        tags,
        params: DeploymentParams,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await deleteDeployment(deps, request.principal, request.params);
      return reply.code(204).send();
    },
  );

  app.post(
    `${item}/gateway`,
    {
      config,
      schema: {
        operationId: 'SetDeploymentGateway',
        summary: 'Say where callers reach the gateway of a Deployment',
        tags,
        params: DeploymentParams,
        body: SetGateway,
        response: { 200: Deployment },
      },
    },
    async (request) => setGateway(deps, request.principal, request.params, request.body),
  );
}
