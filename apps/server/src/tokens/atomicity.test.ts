import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KyselyPlugin } from 'kysely';
import { afterEach, describe, expect, test } from 'vitest';
import { buildApp } from '../app.ts';
import type { Deps } from '../deps.ts';
import { openStore } from '../store/open.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { rotateToken } from './rotate.ts';

let server: TestServer;
afterEach(() => server.close());

/** The same dependencies, but `beforeStatement` runs before each statement of a change, and may throw. */
function watched(deps: Deps, beforeStatement: (index: number) => void): Deps {
  return {
    ...deps,
    write: (caller, change) =>
      deps.write(caller, (tx, actor) => {
        let index = 0;
        const plugin: KyselyPlugin = {
          transformQuery: ({ node }) => {
            beforeStatement(index++);
            return node;
          },
          transformResult: async ({ result }) => result,
        };
        return change(tx.withPlugin(plugin), actor);
      }),
  };
}

/** Every row of every table. */
async function dump(deps: Pick<Deps, 'read'>): Promise<string> {
  const tables = await deps.read.introspection.getTables();
  const rows = [];
  for (const { name } of tables)
    rows.push([
      name,
      await deps.read
        .selectFrom(name as 'token')
        .selectAll()
        .execute(),
    ]);
  return JSON.stringify(rows);
}

/** Lets each statement of a request fail in turn. @returns how many statements there were */
async function failEachStatement(deps: Deps, path: string, body?: object): Promise<number> {
  const before = await dump(deps);
  for (let failing = 0; ; failing++) {
    let reached = false;
    const app = await buildApp(
      watched(deps, (index) => {
        reached ||= index === failing;
        if (index === failing) throw new Error('injected');
      }),
    );
    const headers = { authorization: `Bearer ${server.ownerToken}` };
    const answer = await app.inject({
      method: 'POST',
      url: `/v1/organizations/${server.organizationId}${path}`,
      headers,
      ...(body ? { payload: body } : {}),
    });
    await app.close();
    if (!reached) {
      expect(answer.statusCode).toBe(200);
      return failing;
    }
    expect([failing, answer.statusCode, answer.json().code]).toEqual([failing, 500, 'internal']);
    expect(answer.body).not.toContain('token"');
    expect(answer.body).not.toContain('injected');
    expect(await dump(deps)).toBe(before);
  }
}

describe('A-14 U-05 an error at any step', () => {
  const newToken = () => ({ name: 'ci', scope: 'WORKSPACE', role: 'WORKSPACE_OWNER', entityId: server.workspaceId });

  test('of create issues no token and leaves no trace', async () => {
    server = await startTestServer();
    expect(await failEachStatement(server.deps, '/tokens', newToken())).toBeGreaterThan(8);
  });

  test('of rotate leaves the old value as it was', async () => {
    server = await startTestServer();
    const { id, token } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    expect(await failEachStatement(server.deps, `/tokens/${id}/rotate`)).toBeGreaterThan(8);
    expect((await server.call(token, 'GET', `/tokens/${id}`)).status).toBe(401); // until the one that went through
  });

  test('of a change of roles leaves them as they were', async () => {
    server = await startTestServer();
    const { id } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const roles = [{ entityType: 'WORKSPACE', entityId: server.workspaceId, role: 'WORKSPACE_MEMBER' }];
    expect(await failEachStatement(server.deps, `/tokens/${id}/roles`, { roles })).toBeGreaterThan(6);
  });

  test('in signing, or in the commit itself, issues no token', async () => {
    server = await startTestServer();
    const { deps } = server;
    const before = await dump(deps);
    const fail = (): never => {
      throw new Error('injected');
    };
    const failing: Deps[] = [
      { ...deps, issuer: { issue: fail } },
      { ...deps, write: (caller, change) => deps.write(caller, async (tx, actor) => change(tx, actor).then(fail)) },
    ];
    for (const broken of failing) {
      const app = await buildApp(broken);
      const headers = { authorization: `Bearer ${server.ownerToken}` };
      const answer = await app.inject({
        method: 'POST',
        url: `/v1/organizations/${server.organizationId}/tokens`,
        headers,
        payload: newToken(),
      });
      await app.close();
      expect([answer.statusCode, answer.json().code]).toEqual([500, 'internal']);
      expect(await dump(deps)).toBe(before);
    }
  });
});

describe('R-06 U-05 killing the process at any statement of a rotation', () => {
  test('leaves one working value, and the audit record exactly when it is the new one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'astrolabe-crash-'));
    const file = join(folder, 'server.db');
    server = await startTestServer({ ASTROLABE_SERVER_DATABASE_URL: `sqlite:${file}` });
    const { deps, organizationId } = server;
    const { id, shortToken } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const crashes: string[] = [];
    const crash = (): void => {
      const copy = join(folder, `crash-${crashes.length}.db`);
      crashes.push(copy);
      for (const part of ['', '-wal']) if (existsSync(file + part)) copyFileSync(file + part, copy + part);
    };
    const rotated = await rotateToken(watched(deps, crash), server.system, { organizationId, tokenId: id }, { overlapSeconds: 0 });
    crash();
    expect(crashes.length).toBeGreaterThan(8);
    const outcomes = [];
    for (const copy of crashes) {
      const store = openStore(`sqlite:${copy}`);
      const live = await store.read.selectFrom('tokenValue').selectAll().where('tokenId', '=', id).where('retiredAt', 'is', null).execute();
      const token = await store.read.selectFrom('token').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      const records = await store.read.selectFrom('auditEvent').selectAll().where('action', '=', 'token.rotated').execute();
      outcomes.push([live.length, token.shortToken, records.length]);
      await store.close();
    }
    expect(outcomes.slice(0, -1)).toEqual(crashes.slice(0, -1).map(() => [1, shortToken, 0]));
    expect(outcomes.at(-1)).toEqual([1, rotated.shortToken, 1]);
    rmSync(folder, { recursive: true, force: true });
  });
});
