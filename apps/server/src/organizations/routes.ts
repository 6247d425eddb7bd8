import {
  Organization,
  OrganizationList,
  OrganizationListQuery,
  OrganizationParams,
  OrganizationQuery,
  UpdateOrganization,
} from '@astrolabe/contract';
import type { Deps } from '../deps.ts';
import type { App } from '../routing.ts';
import { changeOrganization, getOrganization, listOrganizations } from './organizations.ts';

const tags = ['Organization'];

export function registerOrganizations(app: App, deps: Deps): void {
  app.get(
    '/organizations',
    {
      config: { access: 'signed-in' },
      schema: {
        operationId: 'ListOrganizations',
        summary: 'List organizations',
        tags,
        querystring: OrganizationListQuery,
        response: { 200: OrganizationList },
      },
    },
    async (request) => listOrganizations(deps, request.principal, request.query),
  );

  app.get(
    '/organizations/:organizationId',
    {
      config: { access: 'signed-in' },
      schema: {
        operationId: 'GetOrganization',
        summary: 'Get an organization',
        tags,
        params: OrganizationParams,
        querystring: OrganizationQuery,
        response: { 200: Organization },
      },
    },
    async (request) => getOrganization(deps, request.principal, request.params.organizationId),
  );

  app.post(
    '/organizations/:organizationId',
    {
      config: { access: 'signed-in' },
      schema: {
        operationId: 'UpdateOrganization',
        summary: 'Update an organization',
        tags,
        params: OrganizationParams,
        body: UpdateOrganization,
        response: { 200: Organization },
      },
    },
    async (request) => changeOrganization(deps, request.principal, request.params.organizationId, request.body),
  );
}
