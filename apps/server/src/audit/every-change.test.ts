/** Every route that changes something leaves its audit record and its feed entries, in the transaction of the change or not at all. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listAuditEvents } from '../store/audit.ts';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.deps.lastUse.stop(); // the one thing that is written without a record
});
afterAll(() => server.close());

const organization = '/organizations/{organizationId}';

interface Change {
  readonly action: string;
  /** Whether gateways hear of it. */
  readonly announced?: true;
  /** Path after the organization's and body of a call that succeeds. */
  call(): Promise<readonly [path: string, body?: object]>;
}

const newDeployment = (): Promise<string> => server.makeDeployment('d');
const newToken = async () => server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
const agentTokens = () => `/deployments/${server.deploymentId}/agent-tokens`;
const organizationSettings = { name: 'o', billingEmail: '', isScimEnabled: false };

/** A new route that changes something has to be added here, or the first test fails. */
const changes: Readonly<Record<string, Change>> = {
  [`POST ${organization}`]: { action: 'organization.updated', call: async () => ['', organizationSettings] },
  [`POST ${organization}/workspaces`]: { action: 'workspace.created', call: async () => ['/workspaces', { name: 'w' }] },
  [`POST ${organization}/workspaces/{workspaceId}`]: {
    action: 'workspace.updated',
    call: async () => [`/workspaces/${server.workspaceId}`, { name: 'renamed' }],
  },
  [`DELETE ${organization}/workspaces/{workspaceId}`]: {
    action: 'workspace.deleted',
    call: async () => [`/workspaces/${await server.makeWorkspace('w')}`],
  },
  [`POST ${organization}/deployments`]: {
    action: 'deployment.created',
    announced: true,
    call: async () => ['/deployments', { name: 'd', workspaceId: server.workspaceId }],
  },
  [`POST ${organization}/deployments/{deploymentId}`]: {
    action: 'deployment.updated',
    announced: true, // a name; the rest is no gateway's business
    call: async () => [`/deployments/${await newDeployment()}`, { name: 'renamed' }],
  },
  [`DELETE ${organization}/deployments/{deploymentId}`]: {
    action: 'deployment.deleted',
    announced: true,
    call: async () => [`/deployments/${await newDeployment()}`],
  },
  [`POST ${organization}/deployments/{deploymentId}/gateway`]: {
    action: 'deployment.gateway_set',
    call: async () => [`/deployments/${server.deploymentId}/gateway`, { gatewayUrl: 'https://gateway.example' }],
  },
  [`POST ${organization}/deployments/{deploymentId}/agent-tokens`]: {
    action: 'agent_token.created',
    call: async () => [agentTokens(), { name: 'created' }],
  },
  [`DELETE ${organization}/deployments/{deploymentId}/agent-tokens/{agentTokenId}`]: {
    action: 'agent_token.deleted',
    async call() {
      const { body } = await server.call(server.ownerToken, 'POST', agentTokens(), { name: 'to be deleted' });
      return [`${agentTokens()}/${body.id}`];
    },
  },
  [`POST ${organization}/tokens`]: {
    action: 'token.created',
    announced: true,
    call: async () => ['/tokens', { name: 'created', scope: 'ORGANIZATION', role: 'ORGANIZATION_MEMBER' }],
  },
  [`POST ${organization}/tokens/{tokenId}`]: {
    action: 'token.updated',
    announced: true,
    call: async () => [`/tokens/${(await newToken()).id}`, { name: 'renamed' }],
  },
  [`DELETE ${organization}/tokens/{tokenId}`]: {
    action: 'token.deleted',
    announced: true,
    call: async () => [`/tokens/${(await newToken()).id}`],
  },
  [`POST ${organization}/tokens/{tokenId}/rotate`]: {
    action: 'token.rotated',
    announced: true,
    call: async () => [`/tokens/${(await newToken()).id}/rotate`],
  },
  [`POST ${organization}/tokens/{tokenId}/roles`]: {
    action: 'token.roles_changed',
    announced: true,
    async call() {
      const { id, roles } = await newToken();
      return [`/tokens/${id}/roles`, { roles: roles.map((role) => ({ ...role, role: 'DEPLOYMENT_ACCESSOR' })) }];
    },
  },
};

const ask = (route: string, [path, body]: readonly [path: string, body?: object | undefined]) =>
  server.call(server.ownerToken, route.startsWith('POST') ? 'POST' : 'DELETE', `/v1/organizations/${server.organizationId}${path}`, body);

const records = () => listAuditEvents(server.deps.read, server.organizationId, 0, 10_000);

/** Every row of every table. */
async function dump(): Promise<string> {
  const tables = await server.deps.read.introspection.getTables();
  const rows = tables.map(async ({ name }) => [
    name,
    await server.deps.read
      .selectFrom(name as 'token')
      .selectAll()
      .execute(),
  ]);
  return JSON.stringify(await Promise.all(rows));
}

/** Refuses new rows of this table while `use` runs. */
async function without<T>(table: 'audit_event' | 'change', use: () => Promise<T>): Promise<T> {
  const { read } = server.deps; // in memory there is one connection
  await sql`create trigger refused before insert on ${sql.table(table)} begin select raise(abort, 'injected'); end`.execute(read);
  try {
    return await use();
  } finally {
    await sql`drop trigger refused`.execute(read);
  }
}

test('U-01 every route that changes something is known here', async () => {
  await server.app.ready();
  const registered = Object.entries(server.app.swagger().paths ?? {}).flatMap(([path, operations]) =>
    Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path.replace(/^\/v1/, '')}`),
  );
  expect(registered.filter((route) => !route.startsWith('GET ')).sort()).toEqual(Object.keys(changes).sort());
});

describe.each(Object.entries(changes))('%s', (route, { action, announced, call }) => {
  test(`U-01 leaves one record, ${action}${announced ? ', and gateways hear of it' : ''}`, async () => {
    const asked = await call();
    const before = await records();
    const changesBefore = await server.deps.read.selectFrom('change').select('sequence').execute();
    expect([200, 204]).toContain((await ask(route, asked)).status);
    const added = (await records()).slice(before.length);
    expect(added.map((record) => record.action)).toEqual([action]);
    expect(added[0]).toMatchObject({ actorType: 'SERVICEKEY', address: '127.0.0.1', at: server.deps.now() });
    expect(added[0]?.requestId).toMatch(/^[0-9a-f]{8}-/);
    const changesAfter = await server.deps.read.selectFrom('change').select('sequence').execute();
    expect(changesAfter.length > changesBefore.length).toBe(announced === true);
  });

  test.each(announced ? (['audit_event', 'change'] as const) : (['audit_event'] as const))(
    'U-05 changes nothing without %s',
    async (table) => {
      const [path, body] = await call();
      const asked = [path, body && 'name' in body ? { ...body, name: `another ${table}` } : body] as const;
      const before = await dump();
      const answer = await without(table, () => ask(route, asked));
      expect([answer.status, answer.body.code]).toEqual([500, 'internal']);
      expect(await dump()).toBe(before);
      expect([200, 204]).toContain((await ask(route, asked)).status); // it was that and nothing else
    },
  );
});
