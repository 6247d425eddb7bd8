import type { ApiTokenRole, IssuedToken } from '@astrolabe/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let owner: string;
let otherWorkspaceId: string;
let otherDeploymentId: string;
beforeAll(async () => {
  server = await startTestServer();
  owner = server.ownerToken;
  otherWorkspaceId = await server.makeWorkspace('other');
  otherDeploymentId = await server.makeDeployment('other', otherWorkspaceId);
});
afterAll(() => server.close());

const replace = (token: Pick<IssuedToken, 'id'>, roles: unknown, by = owner) =>
  server.call(by, 'POST', `/tokens/${token.id}/roles`, { roles });
const rolesOf = async (token: Pick<IssuedToken, 'id'>, by = owner) => (await server.call(by, 'GET', `/tokens/${token.id}`)).body.roles;

const organization = (role = 'ORGANIZATION_MEMBER'): ApiTokenRole => ({
  entityType: 'ORGANIZATION',
  entityId: server.organizationId,
  role,
});
const workspace = (role = 'WORKSPACE_MEMBER', entityId = server.workspaceId): ApiTokenRole => ({ entityType: 'WORKSPACE', entityId, role });
const deployment = (role = 'DEPLOYMENT_ACCESSOR', entityId = server.deploymentId): ApiTokenRole => ({
  entityType: 'DEPLOYMENT',
  entityId,
  role,
});
const dag = (role = 'DAG_VIEWER', deploymentId = server.deploymentId): ApiTokenRole => ({
  entityType: 'DAG',
  entityId: 'sales',
  role,
  deploymentId,
});
const tag = (role = 'DAG_AUTHOR', deploymentId = server.deploymentId): ApiTokenRole => ({
  entityType: 'DAG_TAG',
  entityId: 'sales',
  role,
  deploymentId,
});

test('the answer is SubjectRoles without empty lists, and a read shows what was sent', async () => {
  const token = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
  const roles = [tag(), deployment(), organization('ORGANIZATION_OWNER'), dag(), workspace()];
  const { deploymentId, workspaceId } = server;
  expect(await replace(token, roles)).toMatchObject({
    status: 200,
    body: {
      organizationRole: 'ORGANIZATION_OWNER',
      workspaceRoles: [{ workspaceId, role: 'WORKSPACE_MEMBER' }],
      deploymentRoles: [{ deploymentId, role: 'DEPLOYMENT_ACCESSOR' }],
      dagRoles: [
        { deploymentId, role: 'DAG_AUTHOR', dagTag: 'sales' },
        { deploymentId, role: 'DAG_VIEWER', dagId: 'sales' },
      ],
    },
  });
  expect(await rolesOf(token)).toEqual(roles);
  expect((await replace(token, [organization()])).body).toEqual({ organizationRole: 'ORGANIZATION_MEMBER' });
  expect(await rolesOf(token)).toEqual([organization()]);
});

describe('what does not fit the home scope is refused', () => {
  const cases = (): [string, 'ORGANIZATION_MEMBER' | 'WORKSPACE_MEMBER' | 'DEPLOYMENT_ADMIN', ApiTokenRole[], string][] => [
    ['no role on the organization', 'ORGANIZATION_MEMBER', [workspace()], 'role_set_invalid'],
    ['another organization', 'ORGANIZATION_MEMBER', [{ ...organization(), entityId: otherWorkspaceId }], 'role_set_invalid'],
    ['two roles on one entity', 'ORGANIZATION_MEMBER', [organization(), deployment(), deployment('DEPLOYMENT_ADMIN')], 'role_set_invalid'],
    ['the same role twice', 'ORGANIZATION_MEMBER', [organization(), organization()], 'role_set_invalid'],
    ['an organization role', 'WORKSPACE_MEMBER', [organization(), workspace()], 'role_set_invalid'],
    ['a role on another workspace', 'WORKSPACE_MEMBER', [workspace(), workspace('WORKSPACE_MEMBER', otherWorkspaceId)], 'role_set_invalid'],
    ['no role on its workspace', 'WORKSPACE_MEMBER', [deployment()], 'role_set_invalid'],
    ['a Deployment elsewhere', 'WORKSPACE_MEMBER', [workspace(), deployment('DEPLOYMENT_ADMIN', otherDeploymentId)], 'role_set_invalid'],
    ['a Dag elsewhere', 'WORKSPACE_MEMBER', [workspace(), dag('DAG_VIEWER', otherDeploymentId)], 'role_set_invalid'],
    ['a workspace role', 'DEPLOYMENT_ADMIN', [deployment(), workspace()], 'role_set_invalid'],
    ['another Deployment', 'DEPLOYMENT_ADMIN', [deployment('DEPLOYMENT_ADMIN', otherDeploymentId)], 'role_set_invalid'],
    ['a Dag of another Deployment', 'DEPLOYMENT_ADMIN', [deployment(), dag('DAG_VIEWER', otherDeploymentId)], 'role_set_invalid'],
    ['only a Dag', 'DEPLOYMENT_ADMIN', [dag()], 'role_set_invalid'],
    ['nothing', 'DEPLOYMENT_ADMIN', [], 'role_set_invalid'],
    ['a role of another level', 'DEPLOYMENT_ADMIN', [deployment('DAG_VIEWER')], 'role_unknown'],
    ['a Deployment role on a Dag', 'DEPLOYMENT_ADMIN', [deployment(), dag('DEPLOYMENT_ADMIN')], 'role_unknown'],
    ['a variant of a name', 'DEPLOYMENT_ADMIN', [deployment('Deployment_Admin')], 'role_unknown'],
    ['a tag under its Terraform name', 'DEPLOYMENT_ADMIN', [deployment(), { ...tag(), entityType: 'TAG' as never }], 'invalid_request'],
    [
      'a Dag without its Deployment',
      'DEPLOYMENT_ADMIN',
      [deployment(), { entityType: 'DAG', entityId: 'x', role: 'DAG_VIEWER' }],
      'invalid_request',
    ],
    [
      'an unknown Deployment',
      'ORGANIZATION_MEMBER',
      [organization(), deployment('DEPLOYMENT_ADMIN', 'cm0zzzzzzzzzzzzzzzzzzzzzz')],
      'deployment_not_found',
    ],
    ['an unknown workspace', 'ORGANIZATION_MEMBER', [organization(), workspace('WORKSPACE_OWNER', 'x')], 'workspace_not_found'],
  ];

  test('and changes nothing', async () => {
    for (const [what, role, roles, code] of cases()) {
      const token = await server.makeToken({ role });
      const { status, body } = await replace(token, roles);
      expect([what, status < 500, body.code]).toEqual([what, true, code]);
      expect(await rolesOf(token)).toEqual(token.roles);
    }
  });
});

describe('judged on the difference', () => {
  test('entries that the caller may not see are neither shown nor touched', async () => {
    const token = await server.makeToken({ role: 'ORGANIZATION_OWNER' });
    const elsewhere = [workspace('WORKSPACE_OWNER', otherWorkspaceId), dag('DAG_AUTHOR', otherDeploymentId)];
    await server.assign(token, [...elsewhere, workspace()]);
    const manager = (await server.makeToken({ role: 'WORKSPACE_OWNER' })).token;
    expect(await rolesOf(token, manager)).toEqual([workspace()]);
    expect((await replace(token, [workspace('WORKSPACE_AUTHOR'), deployment('DEPLOYMENT_ADMIN')], manager)).body).toEqual({
      workspaceRoles: [{ workspaceId: server.workspaceId, role: 'WORKSPACE_AUTHOR' }],
      deploymentRoles: [{ deploymentId: server.deploymentId, role: 'DEPLOYMENT_ADMIN' }],
    });
    expect(await rolesOf(token)).toEqual([
      organization('ORGANIZATION_OWNER'),
      ...elsewhere,
      workspace('WORKSPACE_AUTHOR'),
      deployment('DEPLOYMENT_ADMIN'),
    ]);
    expect((await replace(token, [], manager)).body).toEqual({});
    expect(await rolesOf(token)).toEqual([organization('ORGANIZATION_OWNER'), ...elsewhere]);
    expect((await replace(token, [workspace()], manager)).body.code).toBe('token_not_found'); // no business of the manager any more
  });

  test('an entry that is hidden cannot be guessed: same answer whether the token has it or not', async () => {
    const token = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.assign(token, [workspace(), workspace('WORKSPACE_OWNER', otherWorkspaceId)]);
    const manager = (await server.makeToken({ role: 'WORKSPACE_OWNER' })).token;
    const guesses = [
      [workspace(), workspace('WORKSPACE_OWNER', otherWorkspaceId)],
      [workspace(), workspace('WORKSPACE_MEMBER', otherWorkspaceId)],
      [workspace(), organization()],
      [workspace(), organization('ORGANIZATION_OWNER')],
    ];
    const codes = [];
    for (const guess of guesses) codes.push((await replace(token, guess, manager)).body.code);
    expect(codes).toEqual(['workspace_not_found', 'workspace_not_found', 'permission_denied', 'permission_denied']);
  });

  test('what stays as it is needs no right, and nothing at all is a success without a trace', async () => {
    const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const viewer = (await server.makeToken({ role: 'DEPLOYMENT_ADMIN' })).token;
    const { updatedAt } = (await server.call(owner, 'GET', `/tokens/${token.id}`)).body;
    server.advance(1000);
    expect((await replace(token, token.roles, viewer)).status).toBe(200);
    expect((await server.call(owner, 'GET', `/tokens/${token.id}`)).body.updatedAt).toBe(updatedAt);
    expect((await replace(token, [deployment('DEPLOYMENT_ACCESSOR')], viewer)).body.code).toBe('permission_denied');
  });

  test('A-03 adding, changing and removing each need the right at their own entity', async () => {
    const token = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.assign(token, [deployment(), deployment('DEPLOYMENT_ADMIN', otherDeploymentId)]);
    // sees both, may change one
    const manager = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.assign(manager, [workspace('WORKSPACE_OWNER'), deployment('DEPLOYMENT_ADMIN', otherDeploymentId)]);
    const shown = [deployment(), deployment('DEPLOYMENT_ADMIN', otherDeploymentId)];
    expect(await rolesOf(token, manager.token)).toEqual(shown);
    const attempts: [ApiTokenRole[], number][] = [
      [[deployment()], 403], // removes there
      [[deployment(), deployment('DEPLOYMENT_ACCESSOR', otherDeploymentId)], 403], // changes there
      [[...shown, dag('DAG_VIEWER', otherDeploymentId)], 403], // adds there
      [[deployment('DEPLOYMENT_ADMIN'), deployment('DEPLOYMENT_ADMIN', otherDeploymentId), tag()], 200], // changes and adds here
    ];
    for (const [roles, status] of attempts) expect([roles, (await replace(token, roles, manager.token)).status]).toEqual([roles, status]);
  });

  test('A-03 a token does not raise its own role', async () => {
    const own = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const other = await server.makeToken({ role: 'WORKSPACE_OPERATOR' });
    expect((await replace(own, [...own.roles, organization('ORGANIZATION_OWNER')], own.token)).body.code).toBe('permission_denied');
    expect((await replace(other, [workspace('WORKSPACE_OWNER')], other.token)).body.code).toBe('permission_denied');
    expect((await replace(own, [workspace('WORKSPACE_MEMBER')], own.token)).status).toBe(200); // lowering it is its business
    expect((await replace(own, [workspace('WORKSPACE_OWNER')], own.token)).body.code).toBe('permission_denied');
  });
});
