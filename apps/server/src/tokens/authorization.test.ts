import type { IssuedToken } from '@astrolabe/contract';
import {
  allows,
  type BuiltInRole,
  builtInRoles,
  covers,
  type Entity,
  type Grant,
  grantOf,
  type HomeScope,
  type Permission,
  tokenPermissionsOf,
} from '@astrolabe/policy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listTokens } from '../store/token-lists.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { findPrincipal } from './principal.ts';
import { loadTokens, maySee, sightOf } from './sight.ts';

const roles = Object.values(builtInRoles).filter((role) => role.scope !== 'DAG');
const unknownId = 'cm0zzzzzzzzzzzzzzzzzzzzzz';
const word = { ORGANIZATION: 'organization', WORKSPACE: 'workspace', DEPLOYMENT: 'deployment' } as const;

let server: TestServer;
let otherWorkspaceId: string;
let otherDeploymentId: string;
beforeAll(async () => {
  server = await startTestServer();
  otherWorkspaceId = await server.makeWorkspace('other');
  otherDeploymentId = await server.makeDeployment('other', otherWorkspaceId);
});
afterAll(() => server.close());

interface Home {
  readonly scope: HomeScope;
  readonly id: string;
  readonly place: Entity;
}

function homeOf(role: BuiltInRole, where: 'here' | 'elsewhere' = 'here'): Home {
  const { organizationId } = server;
  const workspaceId = where === 'here' ? server.workspaceId : otherWorkspaceId;
  const deploymentId = where === 'here' ? server.deploymentId : otherDeploymentId;
  const { scope } = builtInRoles[role];
  if (scope === 'ORGANIZATION') return { scope, id: organizationId, place: { organizationId } };
  if (scope === 'WORKSPACE') return { scope, id: workspaceId, place: { organizationId, workspaceId } };
  return { scope: 'DEPLOYMENT', id: deploymentId, place: { organizationId, workspaceId, deploymentId } };
}

/** What policy says a token with this role holds. */
function grant(role: BuiltInRole, where: 'here' | 'elsewhere' = 'here'): Grant {
  const home = homeOf(role, where);
  return grantOf({ permissions: tokenPermissionsOf(builtInRoles[role]) }, home.scope, home.id);
}

interface Target {
  readonly role: BuiltInRole;
  readonly where: 'here' | 'elsewhere';
}

const makeTarget = ({ role, where }: Target): Promise<IssuedToken> => server.makeToken({ role, entityId: homeOf(role, where).id });

/** The map of every route that changes or shows tokens: who may call it, asked of policy alone. */
const verbs = {
  'GET /tokens/{tokenId}': { verb: 'get', covering: false, success: 200, path: '', body: () => undefined },
  'POST /tokens/{tokenId}': { verb: 'update', covering: true, success: 200, path: '', body: () => ({ name: `renamed ${Math.random()}` }) },
  'POST /tokens/{tokenId}/rotate': { verb: 'rotate', covering: true, success: 200, path: '/rotate', body: () => ({}) },
  'POST /tokens/{tokenId}/roles': { verb: 'update', covering: true, success: 200, path: '/roles', body: otherRole },
  'DELETE /tokens/{tokenId}': { verb: 'delete', covering: false, success: 204, path: '', body: () => undefined },
} as const; // in this order one target serves them all

function otherRole({ role, where }: Target) {
  const { scope, id } = homeOf(role, where);
  return { roles: [{ entityType: scope, entityId: id, role: weakest[scope] }] };
}
const weakest = { ORGANIZATION: 'ORGANIZATION_BILLING_ADMIN', WORKSPACE: 'WORKSPACE_ACCESSOR', DEPLOYMENT: 'DEPLOYMENT_ACCESSOR' } as const;

function expectedStatus(caller: BuiltInRole, route: keyof typeof verbs, target: Target): number {
  const holder = { grants: [grant(caller)] };
  const { place, scope } = homeOf(target.role, target.where);
  const may = (verb: string) => allows(holder, `${word[scope]}.apiTokens.${verb}` as Permission, place);
  const { verb, covering, success } = verbs[route];
  if (!may('get')) return 404;
  if (route.endsWith('/roles') && target.role === weakest[scope]) return success; // nothing changes
  if (!may(verb)) return 403;
  return covering && !covers(holder, [{ grant: grant(target.role, target.where), entity: place }]) ? 403 : success;
}

describe('A-01 every route × built-in role × home scope is as policy says', () => {
  const targets: Target[] = [
    ...roles.map(({ name }) => ({ role: name, where: 'here' }) as const),
    { role: 'WORKSPACE_ACCESSOR', where: 'elsewhere' },
    { role: 'DEPLOYMENT_ACCESSOR', where: 'elsewhere' },
  ];

  test('the map names every route of tokens and agent tokens', async () => {
    await server.app.ready();
    const registered = Object.entries(server.app.swagger().paths ?? {}).flatMap(([path, operations]) =>
      path.includes('okens')
        ? Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path.slice(path.search(/\/(tokens|deployments)/))}`)
        : [],
    );
    const agentRoutes = ['GET', 'POST'].map((method) => `${method} /deployments/{deploymentId}/agent-tokens`);
    const agentItemRoutes = ['GET', 'DELETE'].map((method) => `${method} /deployments/{deploymentId}/agent-tokens/{agentTokenId}`);
    expect(registered.sort()).toEqual(['GET /tokens', 'POST /tokens', ...Object.keys(verbs), ...agentRoutes, ...agentItemRoutes].sort());
  });

  test.each(roles.map((role) => role.name))('%s on existing tokens', async (caller) => {
    const { token } = await server.makeToken({ role: caller });
    for (const target of targets) {
      const made = await makeTarget(target);
      for (const [route, { path, body }] of Object.entries(verbs)) {
        const method = route.split(' ')[0] as 'GET' | 'POST' | 'DELETE';
        const { status } = await server.call(token, method, `/tokens/${made.id}${path}`, body(target));
        expect([caller, route, target, status]).toEqual([
          caller,
          route,
          target,
          expectedStatus(caller, route as keyof typeof verbs, target),
        ]);
      }
    }
  });

  test.each(roles.map((role) => role.name))('%s creating tokens', async (caller) => {
    const { token } = await server.makeToken({ role: caller });
    const holder = { grants: [grant(caller)] };
    for (const { role, where } of targets) {
      const { scope, id, place } = homeOf(role, where);
      const body = { name: `made ${Math.random()}`, scope, role, ...(scope === 'ORGANIZATION' ? {} : { entityId: id }) };
      const { status } = await server.call(token, 'POST', '/tokens', body);
      const sees = scope === 'ORGANIZATION' || allows(holder, `${word[scope]}.get` as Permission, place);
      const may = allows(holder, `${word[scope]}.apiTokens.create` as Permission, place);
      const isCovered = covers(holder, [{ grant: grant(role, where), entity: place }]);
      expect([caller, role, where, status]).toEqual([caller, role, where, !sees ? 404 : may && isCovered ? 200 : 403]);
    }
  });

  test.each(roles.map((role) => role.name))('%s and agent tokens', async (caller) => {
    const { token } = await server.makeToken({ role: caller });
    const holder = { grants: [grant(caller)] };
    for (const where of ['here', 'elsewhere'] as const) {
      const { id, place } = homeOf('DEPLOYMENT_ADMIN', where);
      const may = (permission: Permission) => allows(holder, permission, place);
      const path = `/deployments/${id}/agent-tokens`;
      const made = await server.call(server.ownerToken, 'POST', path, { name: `agent ${Math.random()}` });
      const answers = {
        list: (await server.call(token, 'GET', path)).status,
        get: (await server.call(token, 'GET', `${path}/${made.body.id}`)).status,
        create: (await server.call(token, 'POST', path, { name: `agent ${Math.random()}` })).status,
        delete: (await server.call(token, 'DELETE', `${path}/${made.body.id}`)).status,
      };
      const hidden = !may('deployment.get');
      const sees = may('deployment.agentTokens.get');
      expect([caller, where, answers]).toEqual([
        caller,
        where,
        {
          list: hidden ? 404 : sees ? 200 : 403,
          get: hidden || !sees ? 404 : 200,
          create: hidden ? 404 : may('deployment.agentTokens.create') ? 200 : 403,
          delete: hidden || !sees ? 404 : may('deployment.agentTokens.delete') ? 204 : 403,
        },
      ]);
    }
  });

  test('lists show exactly what may be read one by one, and the SQL says the same as the rule', async () => {
    for (const target of targets) await makeTarget(target);
    const wide = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.assign(wide, [
      { entityType: 'WORKSPACE', entityId: server.workspaceId, role: 'WORKSPACE_AUTHOR' },
      { entityType: 'DEPLOYMENT', entityId: otherDeploymentId, role: 'DEPLOYMENT_ADMIN' },
      { entityType: 'DAG', entityId: 'x', role: 'DAG_VIEWER', deploymentId: server.deploymentId },
      { entityType: 'DAG_TAG', entityId: 'x', role: 'DAG_VIEWER', deploymentId: otherDeploymentId },
    ]);
    const all = (await server.call(server.ownerToken, 'GET', '/tokens?limit=1000')).body.tokens as IssuedToken[];
    const { read } = server.deps;
    const rows = (await listTokens(read, sightOf(server.system), { organizationId: server.organizationId }, [], { limit: 1000, offset: 0 }))
      .rows;
    const stored = await loadTokens(read, server.organizationId, rows);
    for (const { name: role } of roles) {
      const caller = await server.makeToken({ role });
      const principal = await findPrincipal(read, (await hashOf(caller.id)) ?? '', { requestId: '', address: '' }, server.deps.now());
      if (!principal) throw new Error('a new token signs in');
      const byRule = stored
        .filter(({ row, entries }) => entries.some((entry) => maySee(principal, row.id, entry)))
        .map(({ row }) => row.id);
      const listed = (await server.call(caller.token, 'GET', '/tokens?limit=1000')).body;
      expect([role, listed.tokens.map((row: IssuedToken) => row.id).sort()]).toEqual([role, [...byRule, caller.id].sort()]);
      expect(listed.totalCount).toBe(byRule.length + 1);
      const one = all.find((token) => token.id === wide.id && byRule.includes(wide.id));
      if (one) expect((await server.call(caller.token, 'GET', `/tokens/${wide.id}`)).status).toBe(200);
    }
  });
});

async function hashOf(tokenId: string): Promise<string | undefined> {
  const row = await server.deps.read.selectFrom('tokenValue').select('jtiHash').where('tokenId', '=', tokenId).executeTakeFirst();
  return row?.jtiHash;
}

describe('A-02 another organization', () => {
  test('gets the answers of no organization and no token', async () => {
    const stranger = await startTestServer();
    const foreign = await stranger.makeToken({ role: 'WORKSPACE_OWNER' });
    const base = `/v1/organizations/${stranger.organizationId}`;
    const nowhere = `/v1/organizations/${unknownId}`;
    for (const [method, path, body] of [
      ['GET', '/tokens', undefined],
      ['POST', '/tokens', { name: 'x', scope: 'ORGANIZATION', role: 'ORGANIZATION_MEMBER' }],
      ['GET', `/tokens/${foreign.id}`, undefined],
      ['POST', `/tokens/${foreign.id}`, { name: 'x' }],
      ['DELETE', `/tokens/${foreign.id}`, undefined],
      ['POST', `/tokens/${foreign.id}/rotate`, undefined],
      ['POST', `/tokens/${foreign.id}/roles`, { roles: foreign.roles }],
      ['GET', `/deployments/${stranger.deploymentId}/agent-tokens`, undefined],
      ['POST', `/deployments/${stranger.deploymentId}/agent-tokens`, { name: 'x' }],
    ] as const) {
      const { requestId: _1, ...real } = (await server.call(server.ownerToken, method, base + path, body)).body;
      const { requestId: _2, ...none } = (await server.call(server.ownerToken, method, nowhere + path, body)).body;
      expect([path, real.status, real]).toEqual([path, 404, none]);
    }
    expect((await server.call(foreign.token, 'GET', '/tokens')).status).toBe(401); // signed by another installation
    await stranger.close();
  });

  test('two tenants of one installation do not see each other', async () => {
    const { deps, organizationId } = server;
    const now = deps.now();
    const second = 'cm0second0000000000000000';
    const stamps = {
      createdAt: now,
      createdBy: 'x',
      createdByType: 'SYSTEM',
      updatedAt: now,
      updatedBy: 'x',
      updatedByType: 'SYSTEM',
    } as const;
    const { insertOrganization } = await import('../store/organizations.ts');
    const { systemPrincipal } = await import('./principal.ts');
    const { createToken } = await import('./create.ts');
    const theirs = await deps
      .write(systemPrincipal(second), (tx) =>
        insertOrganization(tx, {
          id: second,
          name: 'second',
          settings: '{}',
          auditSequence: 0,
          auditChain: '',
          deletedAt: null,
          ...stamps,
        }),
      )
      .then(() =>
        createToken(deps, systemPrincipal(second), second, {
          name: 'theirs',
          description: '',
          scope: 'ORGANIZATION',
          role: 'ORGANIZATION_OWNER',
          kind: 'STANDARD',
        }),
      );
    const path = (organization: string, id: string) => `/v1/organizations/${organization}/tokens/${id}`;
    expect((await server.call(theirs.token, 'GET', path(second, theirs.id))).status).toBe(200);
    for (const organization of [organizationId, second]) {
      expect((await server.call(server.ownerToken, 'GET', path(organization, theirs.id))).body.code).toBe('token_not_found');
      expect((await server.call(server.ownerToken, 'POST', `${path(organization, theirs.id)}/rotate`)).body.code).toBe('token_not_found');
    }
    expect((await server.call(theirs.token, 'GET', `/v1/organizations/${second}/tokens`)).body.totalCount).toBe(1);
    expect(
      (await server.call(server.ownerToken, 'GET', '/tokens?limit=1000')).body.tokens.map((row: IssuedToken) => row.name),
    ).not.toContain('theirs');
  });
});

describe('A-03 nobody goes beyond itself', () => {
  test('a Workspace Owner token gives away what it has and no more', async () => {
    const { token, id, roles: own } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const narrow = await server.makeToken({ role: 'WORKSPACE_MEMBER' });
    const widen = (role: string, entityId: string) =>
      server.call(token, 'POST', `/tokens/${narrow.id}/roles`, { roles: [...narrow.roles, { entityType: 'DEPLOYMENT', entityId, role }] });
    expect((await widen('DEPLOYMENT_ADMIN', server.deploymentId)).status).toBe(200);
    expect((await widen('DEPLOYMENT_ADMIN', otherDeploymentId)).body.code).toBe('deployment_not_found');
    const organizationRole = { entityType: 'ORGANIZATION', entityId: server.organizationId, role: 'ORGANIZATION_OWNER' };
    expect((await server.call(token, 'POST', `/tokens/${id}/roles`, { roles: [...own, organizationRole] })).status).toBe(403);
    const create = { name: 'wider', scope: 'ORGANIZATION', role: 'ORGANIZATION_MEMBER' };
    expect((await server.call(token, 'POST', '/tokens', create)).status).toBe(403);
  });

  test('a token that rotates itself keeps its end, and one that may not rotate cannot', async () => {
    const dayMs = 24 * 60 * 60 * 1000;
    const own = await server.makeToken({ role: 'WORKSPACE_OWNER', days: 10 });
    server.advance(dayMs);
    const rotated = await server.call(own.token, 'POST', `/tokens/${own.id}/rotate`);
    expect([rotated.status, rotated.body.endAt]).toEqual([200, own.endAt]);
    const operator = await server.makeToken({ role: 'WORKSPACE_OPERATOR' });
    expect((await server.call(operator.token, 'POST', `/tokens/${operator.id}/rotate`)).body.code).toBe('permission_denied');
  });

  test('a token with tag roles is beyond whoever lacks the Deployment-wide right', async () => {
    const owner = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const tagged = await server.makeToken({ role: 'DEPLOYMENT_ACCESSOR' });
    const tag = { entityType: 'DAG_TAG', entityId: 'finance', role: 'DAG_AUTHOR', deploymentId: server.deploymentId } as const;
    await server.assign(tagged, [tag]);
    expect((await server.call(owner.token, 'POST', `/tokens/${tagged.id}/rotate`)).status).toBe(200);
  });
});

describe('A-04 Deployment roles let people manage tokens, not tokens', () => {
  test('a token with DEPLOYMENT_ADMIN sees the tokens of its Deployment and changes none', async () => {
    const admin = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const target = await server.makeToken({ role: 'DEPLOYMENT_ACCESSOR' });
    const path = `/tokens/${target.id}`;
    expect((await server.call(admin.token, 'GET', path)).status).toBe(200);
    const calls = [
      await server.call(admin.token, 'POST', '/tokens', {
        name: 'x',
        scope: 'DEPLOYMENT',
        role: 'DEPLOYMENT_ACCESSOR',
        entityId: server.deploymentId,
      }),
      await server.call(admin.token, 'POST', path, { name: 'x' }),
      await server.call(admin.token, 'POST', `${path}/rotate`),
      await server.call(admin.token, 'POST', `/tokens/${admin.id}/rotate`),
      await server.call(admin.token, 'DELETE', path),
      await server.call(admin.token, 'POST', `${path}/roles`, {
        roles: [{ entityType: 'DEPLOYMENT', entityId: server.deploymentId, role: 'DEPLOYMENT_ADMIN' }],
      }),
      await server.call(admin.token, 'POST', `/deployments/${server.deploymentId}/agent-tokens`, { name: 'x' }),
    ];
    expect(calls.map((call) => call.body.code)).toEqual(calls.map(() => 'permission_denied'));
  });
});
