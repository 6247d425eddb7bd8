/** What existing clients send is accepted, word for word, and nothing else is. */
import { assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import {
  AgentTokenListQuery,
  CreateAgentToken,
  CreateDeployment,
  CreateToken,
  CreateTokenV1Beta1,
  CreateWorkspace,
  DeploymentListQuery,
  OrganizationListQuery,
  RotateToken,
  SetGateway,
  TokenListQuery,
  TokenParams,
  TokenRoles,
  UpdateDeployment,
  UpdateOrganization,
  UpdateToken,
  UpdateWorkspace,
  WorkspaceListQuery,
} from './index.ts';

const org = 'cm0org0000000000000000001';
const workspace = 'cm0wsp0000000000000000001';
const deployment = 'cm0dep0000000000000000001';
const home = { name: 'ci', role: 'DEPLOYMENT_ADMIN', scope: 'DEPLOYMENT', entityId: deployment } as const;
const newDeployment = { name: 'd', workspaceId: workspace };

/** `field: message` of everything that is wrong; empty when it is accepted. */
function faults(schema: z.ZodType, input: unknown): readonly string[] {
  const result = schema.safeParse(input);
  return (result.error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${[...issue.path, key].join('.')}: unknown`)
      : [`${issue.path.join('.')}: ${issue.code}`],
  );
}

describe('bodies of the Astro command line', () => {
  test.each([
    ['organization', { name: 'ci', description: '', role: 'ORGANIZATION_OWNER', scope: 'ORGANIZATION' }],
    ['workspace', { name: 'ci', description: '', role: 'WORKSPACE_OWNER', scope: 'WORKSPACE', entityId: workspace }],
    [
      'Deployment',
      { description: '', entityId: deployment, name: 'ci', role: 'DEPLOYMENT_ADMIN', scope: 'DEPLOYMENT', tokenExpiryPeriodInDays: 30 },
    ],
  ])('create a token of the %s', (_, body) => {
    expect(CreateToken.parse(body)).toEqual({ ...body, kind: 'STANDARD' });
  });

  test('update, change of roles, rotation without a body', () => {
    expect(UpdateToken.parse({ name: 'new', description: '' })).toEqual({ name: 'new', description: '' });
    const roles = [
      { entityType: 'ORGANIZATION', entityId: org, role: 'ORGANIZATION_MEMBER' },
      { entityType: 'WORKSPACE', entityId: workspace, role: 'WORKSPACE_AUTHOR' },
      { entityType: 'DEPLOYMENT', entityId: deployment, role: 'DEPLOYMENT_ADMIN' },
      { entityType: 'DAG', entityId: 'sales.daily', role: 'DAG_VIEWER', deploymentId: deployment },
      { entityType: 'DAG_TAG', entityId: 'team red', role: 'My Role', deploymentId: deployment },
    ];
    expect(TokenRoles.parse({ roles })).toEqual({ roles });
    expect(RotateToken.parse({})).toEqual({ overlapSeconds: 0 });
  });

  test('lists, paged by 100 and filtered', () => {
    expect(TokenListQuery.parse({ deploymentId: deployment, limit: '100', offset: '100' })).toEqual({
      deploymentId: deployment,
      limit: 100,
      offset: 100,
      sorts: [],
    });
    expect(TokenListQuery.parse({ includeOnlyOrganizationTokens: 'true' })).toMatchObject({ includeOnlyOrganizationTokens: true });
    expect(OrganizationListQuery.parse({ limit: '100', offset: '0' })).toMatchObject({ limit: 100 });
    expect(WorkspaceListQuery.parse({ limit: '1000', offset: '0', sorts: 'name:asc' })).toMatchObject({
      sorts: [{ field: 'name', direction: 'asc' }],
    });
    expect(DeploymentListQuery.parse({ limit: '1000', offset: '0', workspaceIds: workspace })).toMatchObject({ workspaceIds: [workspace] });
  });

  test('create and update a workspace', () => {
    const body = { name: 'w', description: '', cicdEnforcedDefault: false };
    expect(CreateWorkspace.parse(body)).toEqual(body);
    expect(UpdateWorkspace.parse(body)).toEqual(body);
  });

  test.each([
    [
      'standard',
      {
        astroRuntimeVersion: '3.1-1',
        cloudProvider: 'AZURE',
        description: '',
        name: 'd',
        executor: 'ASTRO',
        isCicdEnforced: false,
        region: 'westeurope',
        isDagDeployEnabled: true,
        isHighAvailability: false,
        isDevelopmentMode: true,
        workspaceId: workspace,
        type: 'STANDARD',
        defaultTaskPodCpu: '0.25',
        defaultTaskPodMemory: '0.5Gi',
        resourceQuotaCpu: '10',
        resourceQuotaMemory: '20Gi',
        schedulerSize: 'SMALL',
        workloadIdentity: '',
        remoteExecution: {
          enabled: true,
          allowedIpAddressRanges: ['10.0.0.0/8'],
          taskLogBucket: 's3://b',
          taskLogUrlPattern: 'https://x/{id}',
        },
      },
    ],
    [
      'hybrid',
      {
        ...newDeployment,
        type: 'HYBRID',
        clusterId: 'cm0cls0000000000000000001',
        executor: 'KUBERNETES',
        scheduler: { au: 5, replicas: 1 },
        taskPodNodePoolId: 'cm0npl0000000000000000001',
        workloadIdentity: 'arn:aws:iam::1:role/x',
      },
    ],
    ['smallest v1', newDeployment],
    ['ours', { ...newDeployment, airflowUrl: 'http://127.0.0.1:8080' }],
  ])('create a Deployment: %s', (_, body) => {
    expect(CreateDeployment.parse(body)).toEqual(body);
  });

  test('update a Deployment: the whole object copied from what was read, secrets without a value', () => {
    const body = {
      name: 'd',
      description: 'x',
      workspaceId: workspace,
      type: 'STANDARD',
      executor: 'CELERY',
      isCicdEnforced: false,
      isDagDeployEnabled: true,
      isHighAvailability: false,
      isDevelopmentMode: false,
      schedulerSize: 'SMALL',
      defaultTaskPodCpu: '0.25',
      defaultTaskPodMemory: '0.5Gi',
      resourceQuotaCpu: '10',
      resourceQuotaMemory: '20Gi',
      contactEmails: ['a@example.org'],
      environmentVariables: [
        { key: 'A', value: '1', isSecret: false },
        { key: 'S', isSecret: true },
      ],
      workerQueues: [
        {
          id: 'cm0que0000000000000000001',
          name: 'default',
          isDefault: true,
          minWorkerCount: 0,
          maxWorkerCount: 10,
          workerConcurrency: 5,
          astroMachine: 'A5',
          podEphemeralStorage: '10Gi',
        },
      ],
    };
    expect(UpdateDeployment.parse(body)).toEqual(body);
  });
});

describe('bodies of the Terraform provider', () => {
  test.each([
    { name: 'ci', type: 'ORGANIZATION', role: 'ORGANIZATION_OWNER', description: '' },
    { name: 'ci', type: 'WORKSPACE', role: 'WORKSPACE_OWNER', description: 'x', entityId: workspace },
    { name: 'ci', type: 'DEPLOYMENT', role: 'DEPLOYMENT_ADMIN', description: '', entityId: deployment, tokenExpiryPeriodInDays: 30 },
  ])('create a token of type $type', (body) => {
    expect(CreateTokenV1Beta1.parse(body)).toEqual({ ...body, kind: 'STANDARD' });
  });

  test('agent tokens, lists by ids, hibernation set and cleared', () => {
    expect(CreateAgentToken.parse({ name: 'a', description: '' })).toEqual({ name: 'a', description: '' });
    expect(WorkspaceListQuery.parse({ workspaceIds: [workspace, org] })).toEqual({
      workspaceIds: [workspace, org],
      offset: 0,
      sorts: [],
    });
    expect(DeploymentListQuery.parse({ deploymentIds: deployment })).toMatchObject({ deploymentIds: [deployment] });
    const always = { ...newDeployment, contactEmails: [], environmentVariables: [] };
    const schedule = { hibernateAtCron: '0 20 * * *', wakeAtCron: '0 7 * * *', isEnabled: true };
    for (const scalingSpec of [
      {},
      { hibernationSpec: {} },
      { hibernationSpec: { schedules: [schedule, { ...schedule, description: 'night' }] } },
      { hibernationSpec: { override: { isHibernating: true, overrideUntil: '2026-08-01T10:00:00+02:00' } } },
    ]) {
      expect(UpdateDeployment.parse({ ...always, scalingSpec })).toEqual({ ...always, scalingSpec });
    }
    expect(UpdateOrganization.parse({ name: 'o', billingEmail: '', isScimEnabled: false })).toMatchObject({ name: 'o' });
  });
});

describe('what is refused', () => {
  test('A-05 a misspelt expiry makes no token that never ends', () => {
    expect(faults(CreateToken, { ...home, tokenExpiryPeriodInDay: 30 })).toEqual(['tokenExpiryPeriodInDay: unknown']);
  });

  test.each<[string, z.ZodType, object, readonly string[]]>([
    [
      'create a token',
      CreateToken,
      home,
      ['id', 'token', 'shortToken', 'startAt', 'endAt', 'createdBy', 'lastUsedAt', 'organizationId', 'roles', 'type'],
    ],
    ['create a token, v1beta1', CreateTokenV1Beta1, { name: 'n', role: 'r', type: 'ORGANIZATION' }, ['scope', 'endAt']],
    ['update a token', UpdateToken, { name: 'n' }, ['kind', 'scope', 'role', 'roles', 'endAt', 'tokenExpiryPeriodInDays', 'entityId']],
    ['roles', TokenRoles, { roles: [{ entityType: 'DEPLOYMENT', entityId: deployment, role: 'r' }] }, ['name']],
    ['rotate', RotateToken, {}, ['overlap', 'tokenExpiryPeriodInDays', 'endAt']],
    ['create an agent token', CreateAgentToken, { name: 'n' }, ['role', 'scope', 'kind', 'feed_key']],
    ['create a workspace', CreateWorkspace, { name: 'n' }, ['id', 'organizationId', 'createdAt']],
    [
      'create a Deployment',
      CreateDeployment,
      newDeployment,
      ['id', 'status', 'gatewayUrl', 'apiUrl', 'namespace', 'webServerUrl', 'organizationId'],
    ],
    [
      'update a Deployment',
      UpdateDeployment,
      { name: 'n' },
      ['astroRuntimeVersion', 'clusterId', 'cloudProvider', 'region', 'gatewayUrl', 'status'],
    ],
    ['set the gateway', SetGateway, { gatewayUrl: 'http://g' }, ['airflowUrl']],
    ['update an organization', UpdateOrganization, { name: 'o', billingEmail: '', isScimEnabled: false }, ['id', 'status', 'product']],
    ['list tokens', TokenListQuery, {}, ['scope', 'search', 'Limit']],
    ['list agent tokens', AgentTokenListQuery, {}, ['kind']],
  ])('A-05 read-only and unknown fields are named: %s', (_, schema, good, fields) => {
    expect(faults(schema, good)).toEqual([]);
    for (const field of fields) expect(faults(schema, { ...good, [field]: 'x' })).toEqual([`${field}: unknown`]);
  });

  test('A-05 a member named __proto__ is an unknown field like any other', () => {
    const body: unknown = JSON.parse(`{"__proto__":{"kind":"DIRECT_ACCESS"},${JSON.stringify(home).slice(1)}`);
    expect(faults(CreateToken, body)).toEqual(['__proto__: unknown']);
  });

  test('A-05 also inside lists and parts', () => {
    const role = { entityType: 'DEPLOYMENT', entityId: deployment, role: 'r' };
    expect(faults(TokenRoles, { roles: [{ ...role, permissions: [] }] })).toEqual(['roles.0.permissions: unknown']);
    const variable = { key: 'A', isSecret: true, updatedAt: '2026-01-01T00:00:00Z' };
    expect(faults(UpdateDeployment, { name: 'n', environmentVariables: [variable] })).toEqual([
      'environmentVariables.0.updatedAt: unknown',
    ]);
    const override = { isActive: true };
    expect(faults(UpdateDeployment, { name: 'n', scalingSpec: { hibernationSpec: { override } } })).toEqual([
      'scalingSpec.hibernationSpec.override.isActive: unknown',
    ]);
  });

  test.each([0, -1, 1.5, 3651, 1e21, '30', null, Number.NaN])('R-01 an expiry of %s days', (tokenExpiryPeriodInDays) => {
    for (const schema of [CreateToken, CreateAgentToken]) {
      const good = schema === CreateToken ? home : { name: 'a' };
      expect(faults(schema, { ...good, tokenExpiryPeriodInDays })).not.toEqual([]);
    }
  });

  test.each([-1, 0.5, 604_801, '60', null])('an overlap of %s seconds', (overlapSeconds) => {
    expect(faults(RotateToken, { overlapSeconds })).toHaveLength(1);
    expect(faults(RotateToken, { overlapSeconds: 604_800 })).toEqual([]);
  });

  test('names are trimmed and 1 to 256 long; text that a database would change is refused', () => {
    expect(CreateToken.parse({ ...home, name: '  ci \n' }).name).toBe('ci');
    expect(CreateToken.parse({ ...home, name: ` ${'x'.repeat(256)} ` }).name).toHaveLength(256);
    for (const name of ['', '   ', 'x'.repeat(257), 'a\u0000b', 'a\ud800', 7, null])
      expect(faults(CreateToken, { ...home, name }), String(name)).toHaveLength(1);
    expect(faults(CreateToken, { ...home, description: 'x'.repeat(501) })).toEqual(['description: too_big']);
    expect(faults(CreateDeployment, { ...newDeployment, name: 'x'.repeat(501) })).toEqual(['name: too_big']);
    expect(faults(CreateWorkspace, { name: 'x'.repeat(51) })).toEqual(['name: too_big']);
  });

  test('the home is named for workspace and Deployment tokens, and only for them', () => {
    expect(faults(CreateToken, { name: 'n', role: 'r', scope: 'DEPLOYMENT' })).toEqual(['entityId: custom']);
    expect(faults(CreateToken, { name: 'n', role: 'r', scope: 'WORKSPACE' })).toEqual(['entityId: custom']);
    expect(faults(CreateToken, { name: 'n', role: 'r', scope: 'ORGANIZATION', entityId: org })).toEqual(['entityId: custom']);
    expect(faults(CreateTokenV1Beta1, { name: 'n', role: 'r', type: 'DEPLOYMENT' })).toEqual(['entityId: custom']);
  });

  test('A-07 no spelling of a scope, kind or entity type but its own', () => {
    for (const scope of ['deployment', 'Deployment', ' DEPLOYMENT', 'DEPLOYMENT ', 'DEPLOYMENT\u200b', 'AGENT', '']) {
      expect(faults(CreateToken, { ...home, scope })).toEqual(['scope: invalid_value']);
    }
    for (const kind of ['standard', 'AGENT', 'DIRECT-ACCESS', ''])
      expect(faults(CreateToken, { ...home, kind })).toEqual(['kind: invalid_value']);
    expect(faults(TokenRoles, { roles: [{ entityType: 'TAG', entityId: 'x', role: 'r' }] })).toEqual(['roles.0.entityType: invalid_value']);
  });

  test('a Dag role says where it lives, and no other role does', () => {
    for (const entityType of ['DAG', 'DAG_TAG']) {
      expect(faults(TokenRoles, { roles: [{ entityType, entityId: 'x', role: 'r' }] })).toEqual(['roles.0.deploymentId: custom']);
    }
    const entry = { entityType: 'DEPLOYMENT', entityId: deployment, role: 'r', deploymentId: deployment };
    expect(faults(TokenRoles, { roles: [entry] })).toEqual(['roles.0.deploymentId: custom']);
    expect(faults(TokenRoles, {})).toEqual(['roles: invalid_type']);
    expect(TokenRoles.parse({ roles: [] })).toEqual({ roles: [] });
  });

  test('pages of more than 1000, unknown sort fields, booleans that are none', () => {
    for (const limit of ['1001', '-1', '1.5', 'all', ['1', '2']]) expect(faults(TokenListQuery, { limit })).toHaveLength(1);
    expect(TokenListQuery.parse({ limit: '0' }).limit).toBe(0);
    for (const sorts of ['name', 'name:up', 'token:asc', 'name:asc,createdAt:asc'])
      expect(faults(TokenListQuery, { sorts })).toEqual(['sorts.0: invalid_value']);
    expect(TokenListQuery.parse({ sorts: ['tokenStartAt:desc', 'name:asc'] }).sorts).toEqual([
      { field: 'tokenStartAt', direction: 'desc' },
      { field: 'name', direction: 'asc' },
    ]);
    for (const value of ['yes', '1', 'TRUE', '', true])
      expect(faults(TokenListQuery, { includeOnlyOrganizationTokens: value })).toHaveLength(1);
    expect(TokenListQuery.parse({ dagTags: 'red' }).dagTags).toEqual(['red']);
  });

  test('addresses that are not a plain web address', () => {
    for (const good of ['http://127.0.0.1:8889', 'https://gw.example.org/team/a'])
      expect(SetGateway.parse({ gatewayUrl: good }).gatewayUrl).toBe(good);
    expect(SetGateway.parse({ gatewayUrl: 'https://gw.example.org//' }).gatewayUrl).toBe('https://gw.example.org');
    for (const bad of [
      '',
      'gw.example.org',
      'ftp://gw',
      'javascript:alert(1)',
      'http://',
      'http://user:secret@gw',
      'http://user@gw',
      'http://gw?x=1',
      'http://gw#x',
      'http://gw\\@evil',
      'http://gw/\n',
      ' http://gw',
      'http://gw space',
      `http://gw/${'x'.repeat(2048)}`,
    ]) {
      expect(faults(SetGateway, { gatewayUrl: bad }), bad).not.toEqual([]);
      expect(faults(CreateDeployment, { ...newDeployment, airflowUrl: bad }), bad).not.toEqual([]);
    }
  });

  test('environment variables: a key twice, an empty key, a key with "="', () => {
    const variables = (...keys: readonly string[]) => ({
      ...newDeployment,
      environmentVariables: keys.map((key) => ({ key, value: '', isSecret: false })),
    });
    expect(faults(CreateDeployment, variables('A', 'a'))).toEqual([]);
    expect(faults(CreateDeployment, variables('A', 'B', 'A'))).toEqual(['environmentVariables.2.key: custom']);
    for (const key of ['', 'A=B', 'A\u0000']) expect(faults(CreateDeployment, variables(key))).not.toEqual([]);
  });

  test('default cluster or provider with region, not both and not half', () => {
    expect(faults(CreateWorkspace, { name: 'w', defaultCloudProvider: 'AWS', defaultRegion: 'eu' })).toEqual([]);
    expect(faults(CreateWorkspace, { name: 'w', defaultCloudProvider: 'AWS' })).toEqual(['defaultRegion: custom']);
    expect(faults(UpdateWorkspace, { name: 'w', defaultClusterId: 'c', defaultCloudProvider: 'AWS', defaultRegion: 'eu' })).toEqual([
      'defaultClusterId: custom',
    ]);
  });
});

describe('ids in a path', () => {
  test('one of our shape passes unchanged', () => {
    expect(TokenParams.parse({ organizationId: org, tokenId: deployment })).toEqual({ organizationId: org, tokenId: deployment });
  });

  test('one of any other shape is no 400: it becomes an id that nobody has', () => {
    return assert(
      property(string({ unit: 'binary' }), (text) => {
        const { tokenId } = TokenParams.parse({ organizationId: org, tokenId: text });
        expect(tokenId).toMatch(/^c0{24}$/);
      }),
    );
  });
});
