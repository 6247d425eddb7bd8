/** The rules on every supported database, and with a second server process where the database can have one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deleteDeployment } from '../deployments/deployments.ts';
import type { Deps, Principal } from '../deps.ts';
import { type Started, start } from '../start.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { createToken } from '../tokens/create.ts';
import { findPrincipal } from '../tokens/principal.ts';
import { rotateToken } from '../tokens/rotate.ts';
import { deleteToken } from '../tokens/tokens.ts';
import { backends, type TestDatabase } from './testing.ts';

async function principalOf(deps: Deps, tokenId: string): Promise<Principal> {
  const { jtiHash } = await deps.read.selectFrom('tokenValue').select('jtiHash').where('tokenId', '=', tokenId).executeTakeFirstOrThrow();
  const principal = await findPrincipal(deps.read, jtiHash, { requestId: '', address: '' }, deps.now());
  if (!principal) throw new Error('a new token signs in');
  return principal;
}

describe.each(backends)('server on $name', (backend) => {
  let database: TestDatabase;
  let server: TestServer;
  let others: Started[];
  beforeEach(async () => {
    database = await backend.create();
    server = await startTestServer({ ASTROLABE_SERVER_DATABASE_URL: database.url });
    others = [];
  });
  afterEach(async () => {
    for (const other of others) await other.close();
    await server.close();
    await database.drop();
  });

  /** Another process on the same database, where there can be one; otherwise the same again. */
  async function anotherProcess(): Promise<Deps> {
    if (!database.isShared) return server.deps;
    const started = await start(server.deps.config, server.deps.log, server.deps.now);
    others.push(started);
    return started.deps;
  }

  test('a token is made, found, given roles, rotated, renamed and deleted', async () => {
    const { ownerToken: owner, deploymentId, workspaceId } = server;
    const other = await server.makeDeployment('other', await server.makeWorkspace('other'));
    const manager = await server.makeToken({ role: 'WORKSPACE_OWNER', name: 'manager' });
    await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: other, name: 'elsewhere' });
    const shared = await server.makeToken({ role: 'ORGANIZATION_MEMBER', name: 'shared' });
    await server.assign(shared, [
      { entityType: 'DAG', entityId: 'sales', role: 'DAG_VIEWER', deploymentId },
      { entityType: 'DAG_TAG', entityId: 'x', role: 'DAG_AUTHOR', deploymentId: other },
    ]);
    const body = { name: 'ci', scope: 'DEPLOYMENT', role: 'DEPLOYMENT_ADMIN', entityId: deploymentId, tokenExpiryPeriodInDays: 3650 };
    const { id } = (await server.call(manager.token, 'POST', '/tokens', body)).body;
    expect((await server.call(manager.token, 'POST', '/tokens', body)).body.code).toBe('name_taken');

    const names = async (query: string, token = manager.token) => {
      const { body: list } = await server.call(token, 'GET', `/tokens?sorts=name:asc&${query}`);
      expect(list.totalCount).toBe(list.tokens.length);
      return list.tokens.map((row: { name: string }) => row.name);
    };
    expect(await names('')).toEqual(['ci', 'manager', 'shared']);
    expect(await names('', owner)).toEqual(['Owner', 'ci', 'elsewhere', 'manager', 'owner of the test', 'shared']);
    expect(await names(`deploymentId=${deploymentId}`)).toEqual(['ci', 'shared']);
    expect(await names('dagId=sales&dagTags=x')).toEqual(['shared']);
    expect(await names('dagTags=x')).toEqual([]);
    expect(await names(`workspaceId=${workspaceId}&kind=STANDARD`)).toEqual(['manager']);
    expect(await names('includeOnlyOrganizationTokens=true')).toEqual(['shared']);

    const dag = { entityType: 'DAG', entityId: 'sales', role: 'DAG_VIEWER', deploymentId };
    const deployment = { entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ACCESSOR' };
    expect((await server.call(manager.token, 'POST', `/tokens/${id}/roles`, { roles: [dag, deployment] })).status).toBe(200);
    expect((await server.call(manager.token, 'POST', `/tokens/${id}/rotate`, { overlapSeconds: 60 })).status).toBe(200);
    expect((await server.call(manager.token, 'POST', `/tokens/${id}`, { name: 'manager' })).status).toBe(200);
    expect((await server.call(manager.token, 'GET', `/tokens/${id}`)).body).toMatchObject({ name: 'manager', roles: [dag, deployment] });
    expect((await server.call(manager.token, 'DELETE', `/tokens/${id}`)).status).toBe(204);
    expect((await server.call(manager.token, 'GET', `/tokens/${id}`)).status).toBe(404);
  });

  test('the actor is read anew inside the transaction: nobody acts on rights that ended a moment ago', async () => {
    const { deps, organizationId, system } = server;
    const { id } = await server.makeToken({ role: 'ORGANIZATION_OWNER' });
    const caller = await principalOf(deps, id);
    const input = { name: 'too late', description: '', scope: 'ORGANIZATION', role: 'ORGANIZATION_OWNER', kind: 'STANDARD' } as const;
    const [deleted, created] = await Promise.allSettled([
      deleteToken(deps, system, { organizationId, tokenId: id }),
      createToken(deps, caller, organizationId, input), // shares the commit of the deletion
    ]);
    expect([deleted.status, created]).toMatchObject(['fulfilled', { status: 'rejected', reason: { code: 'invalid_token' } }]);
  });

  test('R-08 of rotations at the same time in two processes exactly one wins, the rest get 409', async () => {
    const { deps, organizationId, system } = server;
    const another = await anotherProcess();
    const { id } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const target = { organizationId, tokenId: id };
    const all = Promise.withResolvers<void>();
    let waiting = 0;
    const rotate = (by: Deps) => {
      const write: Deps['write'] = async (caller, change) => {
        waiting += 1;
        if (waiting === 4) all.resolve();
        await all.promise; // none has begun to write before all know what they want to replace
        return by.write(caller, change);
      };
      return rotateToken({ ...by, write }, system, target, { overlapSeconds: 0 });
    };
    const results = await Promise.allSettled([rotate(deps), rotate(another), rotate(deps), rotate(another)]);
    const reasons = results.map((result) => (result.status === 'fulfilled' ? 'won' : result.reason.code)).sort();
    expect(reasons).toEqual(['rotation_conflict', 'rotation_conflict', 'rotation_conflict', 'won']);
    const live = await deps.read.selectFrom('tokenValue').selectAll().where('tokenId', '=', id).where('retiredAt', 'is', null).execute();
    expect(live).toHaveLength(1);
  });

  test('of two tokens made with one name at the same time in two processes one is a 409', async () => {
    const { deps, organizationId, system, deploymentId } = server;
    const another = await anotherProcess();
    const input = {
      name: 'ci',
      description: '',
      scope: 'DEPLOYMENT',
      role: 'DEPLOYMENT_ADMIN',
      entityId: deploymentId,
      kind: 'STANDARD',
    } as const;
    const results = await Promise.allSettled([deps, another].map((by) => createToken(by, system, organizationId, input)));
    const codes = results.map((result) => (result.status === 'fulfilled' ? 'made' : result.reason.code)).sort();
    expect(codes).toEqual(['made', 'name_taken']);
  });

  test('A-10 no token survives a Deployment that is deleted while the token is made', async () => {
    const { deps, organizationId, system } = server;
    const another = await anotherProcess();
    for (const order of ['create first', 'delete first']) {
      const deploymentId = await server.makeDeployment(order);
      const input = {
        name: 'ci',
        description: '',
        scope: 'DEPLOYMENT',
        role: 'DEPLOYMENT_ADMIN',
        entityId: deploymentId,
        kind: 'STANDARD',
      } as const;
      const steps = [
        () => createToken(another, system, organizationId, input),
        () => deleteDeployment(deps, system, { organizationId, deploymentId }),
      ];
      const results = await Promise.allSettled((order === 'create first' ? steps : steps.reverse()).map((step) => step()));
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason.code).toBe('deployment_not_found');
      }
      const live = await deps.read
        .selectFrom('token')
        .selectAll()
        .where('homeEntityId', '=', deploymentId)
        .where('deletedAt', 'is', null)
        .execute();
      expect(live).toEqual([]);
    }
  });

  test('changes of one organization in two processes at the same time never wait for each other in a circle', async () => {
    const { organizationId, system } = server;
    const processes = [server.deps, await anotherProcess()];
    const deploymentIds = await Promise.all(['a', 'b', 'c'].map((name) => server.makeDeployment(name)));
    const tokens = Array.from({ length: 60 }, (_, index) => {
      const entityId = deploymentIds[(index * 7) % 3] ?? '';
      const input = {
        name: `${index}`,
        description: '',
        scope: 'DEPLOYMENT',
        role: 'DEPLOYMENT_ADMIN',
        entityId,
        kind: 'STANDARD',
      } as const;
      return createToken(processes[index % 2] ?? server.deps, system, organizationId, input);
    });
    expect(await Promise.all(tokens)).toHaveLength(60); // a circle would cost a second each, and sometimes a token
  });
});
