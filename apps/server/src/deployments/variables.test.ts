import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let path: string;
beforeAll(async () => {
  server = await startTestServer();
  path = `/v1/organizations/${server.organizationId}/deployments`;
});
afterAll(() => server.close());

const owner = (method: 'GET' | 'POST' | 'DELETE', tail: string, body?: unknown) =>
  server.call(server.ownerToken, method, path + tail, body);

describe('environment variables', () => {
  const variables = async (id: string) => (await owner('GET', `/${id}`)).body.environmentVariables;

  test('one more is added the way the command line does it: the whole list back, secrets without their value', async () => {
    const { body } = await owner('POST', '', {
      name: 'with variables',
      workspaceId: server.workspaceId,
      environmentVariables: [
        { key: 'PLAIN', value: 'one', isSecret: false },
        { key: 'SECRET', value: 'canary-4711', isSecret: true },
      ],
    });
    expect(body.environmentVariables).toEqual([
      { key: 'PLAIN', value: 'one', isSecret: false, updatedAt: body.createdAt },
      { key: 'SECRET', isSecret: true, updatedAt: body.createdAt },
    ]);
    server.advance(60_000);
    const again = body.environmentVariables.map(({ updatedAt: _, ...rest }: { updatedAt: string }) => rest);
    await owner('POST', `/${body.id}`, { environmentVariables: [...again, { key: 'MORE', value: '', isSecret: false }] });
    expect(await variables(body.id)).toMatchObject([
      { key: 'MORE', value: '' },
      { key: 'PLAIN', updatedAt: body.createdAt },
      { key: 'SECRET' },
    ]);
    const row = await server.deps.read.selectFrom('environmentVariable').selectAll().where('key', '=', 'SECRET').executeTakeFirstOrThrow();
    expect(server.deps.sealing.open(row.value, `environment_variable:${body.id}:SECRET`)).toBe('canary-4711');
  });

  test('S-01 a secret value is nowhere but sealed: not in the database, the log, the audit trail or an answer', async () => {
    const { body } = await owner('POST', '', {
      name: 'sealed',
      workspaceId: server.workspaceId,
      environmentVariables: [{ key: 'K', value: 'canary-sealed-value', isSecret: true }],
    });
    await owner('POST', `/${body.id}`, { environmentVariables: [{ key: 'K', value: 'canary-sealed-again', isSecret: true }] });
    const everything: unknown[] = [body, server.logLines];
    for (const table of ['environmentVariable', 'deployment', 'auditEvent', 'change'] as const) {
      everything.push(await server.deps.read.selectFrom(table).selectAll().execute());
    }
    expect(JSON.stringify(everything)).not.toMatch(/canary-sealed/);
  });

  test('a missing key is removed, and the audit trail names keys', async () => {
    const { body } = await owner('POST', '', {
      name: 'shrinking',
      workspaceId: server.workspaceId,
      environmentVariables: ['A', 'B', 'C'].map((key) => ({ key, value: key, isSecret: false })),
    });
    await owner('POST', `/${body.id}`, {
      environmentVariables: [
        { key: 'B', value: 'b', isSecret: false },
        { key: 'D', value: 'd', isSecret: true },
        { key: 'C', value: 'C', isSecret: false },
      ],
    });
    expect((await variables(body.id)).map((variable: { key: string }) => variable.key)).toEqual(['B', 'C', 'D']);
    const event = await server.deps.read
      .selectFrom('auditEvent')
      .selectAll()
      .where('targetId', '=', body.id)
      .where('action', '=', 'deployment.updated')
      .executeTakeFirstOrThrow();
    expect(JSON.parse(event.detail)).toEqual({
      fields: ['environmentVariables'],
      environmentVariables: { added: ['D'], removed: ['A'], changed: ['B'] },
    });
  });

  test('a new secret needs a value, and a secret becomes public with a new value only', async () => {
    const isSecret = true;
    const fresh = await owner('POST', '', { name: 'x', workspaceId: server.workspaceId, environmentVariables: [{ key: 'S', isSecret }] });
    expect(fresh).toMatchObject({ status: 400, body: { fieldErrors: [{ field: 'environmentVariables.0.value' }] } });
    const { body } = await owner('POST', '', {
      name: 'x',
      workspaceId: server.workspaceId,
      environmentVariables: [{ key: 'S', value: 'v', isSecret }],
    });
    expect((await owner('POST', `/${body.id}`, { environmentVariables: [{ key: 'S', isSecret: false }] })).status).toBe(400);
    await owner('POST', `/${body.id}`, { environmentVariables: [{ key: 'S', value: 'open', isSecret: false }] });
    expect(await variables(body.id)).toMatchObject([{ key: 'S', value: 'open', isSecret: false }]);
    await owner('POST', `/${body.id}`, { environmentVariables: [{ key: 'S', isSecret }] }); // closed again, with the value it has
    expect(await variables(body.id)).toEqual([{ key: 'S', isSecret: true, updatedAt: expect.any(String) }]);
  });

  test('an update without the list leaves it alone; a failed one changes nothing', async () => {
    const { body } = await owner('POST', '', {
      name: 'kept',
      workspaceId: server.workspaceId,
      environmentVariables: [{ key: 'A', value: 'a', isSecret: false }],
    });
    await owner('POST', `/${body.id}`, { description: 'new' });
    await owner('POST', `/${body.id}`, {
      name: 'never',
      environmentVariables: [
        { key: 'B', value: 'b', isSecret: false },
        { key: 'S', isSecret: true },
      ],
    });
    expect((await owner('GET', `/${body.id}`)).body).toMatchObject({
      name: 'kept',
      description: 'new',
      environmentVariables: [{ key: 'A', value: 'a' }],
    });
  });

  test('whoever sees the Deployment without the right to its variables gets an empty list', async () => {
    await owner('POST', `/${server.deploymentId}`, { environmentVariables: [{ key: 'A', value: 'a', isSecret: false }] });
    const seen = async (role: 'WORKSPACE_MEMBER' | 'WORKSPACE_OPERATOR' | 'DEPLOYMENT_ACCESSOR') => {
      const { token } = await server.makeToken({ role });
      const { body } = await server.call(token, 'GET', `${path}/${server.deploymentId}`);
      const { body: list } = await server.call(token, 'GET', `${path}?deploymentIds=${server.deploymentId}`);
      expect(list.deployments[0].environmentVariables).toEqual(body.environmentVariables);
      return body.environmentVariables.length;
    };
    expect([await seen('DEPLOYMENT_ACCESSOR'), await seen('WORKSPACE_MEMBER'), await seen('WORKSPACE_OPERATOR')]).toEqual([0, 0, 1]);
  });
});
