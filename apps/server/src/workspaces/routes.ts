import {
  CreateWorkspace,
  OrganizationParams,
  UpdateWorkspace,
  Workspace,
  WorkspaceList,
  WorkspaceListQuery,
  WorkspaceParams,
} from '@astrolabe/contract';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';
import { changeWorkspace, createWorkspace, deleteWorkspace, getWorkspace, listWorkspaces } from './workspaces.ts';

const tags = ['Workspace'];
const config = { access: 'signed-in' } as const;
const collection = '/organizations/:organizationId/workspaces';
const item = `${collection}/:workspaceId`;

export function registerWorkspaces(app: App, deps: Deps): void {
  app.get(
    collection,
    {
      config,
      schema: {
        operationId: 'ListWorkspaces',
        summary: 'List workspaces',
        tags,
        params: OrganizationParams,
        querystring: WorkspaceListQuery,
        response: { 200: WorkspaceList },
      },
    },
    async (request) => listWorkspaces(deps, request.principal, request.params.organizationId, request.query),
  );

  app.post(
    collection,
    {
      config,
      schema: {
        operationId: 'CreateWorkspace',
        summary: 'Create a workspace',
        tags,
        params: OrganizationParams,
        body: CreateWorkspace,
        response: { 200: Workspace },
      },
    },
    async (request) => createWorkspace(deps, request.principal, request.params.organizationId, request.body),
  );

  app.get(
    item,
    {
      config,
      schema: { operationId: 'GetWorkspace', summary: 'Get a workspace', tags, params: WorkspaceParams, response: { 200: Workspace } },
    },
    async (request) => getWorkspace(deps, request.principal, request.params),
  );

  app.post(
    item,
    {
      config,
      schema: {
        operationId: 'UpdateWorkspace',
        summary: 'Update a workspace',
        tags,
        params: WorkspaceParams,
        body: UpdateWorkspace,
        response: { 200: Workspace },
      },
    },
    async (request) => changeWorkspace(deps, request.principal, request.params, request.body),
  );

  app.delete(
    item,
    {
      config,
      schema: {
        operationId: 'DeleteWorkspace',
        summary: 'Delete a workspace',
        tags,
        params: WorkspaceParams,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await deleteWorkspace(deps, request.principal, request.params);
      return reply.code(204).send();
    },
  );
}
