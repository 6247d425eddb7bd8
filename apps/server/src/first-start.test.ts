import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildApp } from './app.ts';
import { loadConfig, type ServerConfig } from './config.ts';
import { makeOwnerToken } from './owner-token.ts';
import { readOwnerTokenLife } from './owner-token-file.ts';
import { type Started, start } from './start.ts';
import { listAuditEvents } from './store/audit.ts';
import { openStore } from './store/open.ts';

const dayMs = 24 * 60 * 60 * 1000;
const log = pino({ level: 'silent' });
let at = Date.UTC(2027, 0, 10, 12);
const now = (): number => at;

let folder: string;
let config: ServerConfig;
let running: Started[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-first-'));
  config = loadConfig({ ASTROLABE_DATA: folder });
  running = [];
  at = Date.UTC(2027, 0, 10, 12);
});
afterEach(async () => {
  for (const started of running) await started.close();
  rmSync(folder, { recursive: true, force: true });
});

async function startHere(): Promise<Started> {
  const started = await start(config, log, now);
  running.push(started);
  return started;
}

/** Who the token says it is, as the server sees it. */
async function organizationsOf(started: Started, token: string): Promise<{ status: number; names: string[] }> {
  const app = await buildApp(started.deps);
  const answer = await app.inject({ url: '/v1/organizations', headers: { authorization: `Bearer ${token}` } });
  await app.close();
  return { status: answer.statusCode, names: (answer.json().organizations ?? []).map((row: { name: string }) => row.name) };
}

const stored = (): string => readFileSync(join(folder, 'owner-token'), 'utf8').trim();

describe('the first start', () => {
  test('C-04 makes a tenant and an Organization Owner token of 30 days that only its owner can read', async () => {
    const started = await startHere();
    const file = join(folder, 'owner-token');
    expect(started.firstStart).toEqual({
      organizationId: expect.stringMatching(/^c[0-9a-z]{24}$/),
      workspaceId: expect.stringMatching(/^c[0-9a-z]{24}$/),
      ownerTokenFile: file,
      ownerTokenEndsAt: new Date(at + 30 * dayMs).toISOString(),
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await organizationsOf(started, stored())).toEqual({ status: 200, names: ['My Organization'] });
    const records = await listAuditEvents(started.deps.read, started.firstStart?.organizationId ?? '', 0, 10);
    expect(records.map(({ action, actorType }) => [action, actorType])).toEqual([
      ['organization.created', 'SYSTEM'],
      ['workspace.created', 'SYSTEM'],
      ['token.created', 'SYSTEM'],
    ]);
    at += 30 * dayMs;
    expect((await organizationsOf(started, stored())).status).toBe(401);
  });

  test('a second start finds it all again and says how long the token still lives', async () => {
    const first = await startHere();
    await first.close();
    const before = stored();
    at += 10 * dayMs;
    const second = await startHere();
    expect(second.firstStart).toBeUndefined();
    expect(stored()).toBe(before);
    expect(await readOwnerTokenLife(second.deps)).toMatchObject({ state: 'live', endsAt: at + 20 * dayMs });
    at += 20 * dayMs;
    expect(await readOwnerTokenLife(second.deps)).toMatchObject({ state: 'none' });
    writeFileSync(join(folder, 'owner-token'), 'not a token\n');
    expect(await readOwnerTokenLife(second.deps)).toMatchObject({ state: 'none' });
    rmSync(join(folder, 'owner-token'));
    expect(await readOwnerTokenLife(second.deps)).toMatchObject({ state: 'none' });
  });

  test('one that was cut short after the installation was written is finished by the next', async () => {
    const first = await startHere();
    const { organizationId } = first.firstStart ?? {};
    await first.close();
    const store = openStore(`sqlite:${folder}/server.db`);
    await store.write(async (tx) => {
      for (const table of ['auditEvent', 'roleBinding', 'tokenValue', 'token', 'workspace', 'user', 'organization'] as const) {
        await tx.deleteFrom(table).execute();
      }
    });
    await store.close();
    const second = await startHere();
    expect(second.firstStart?.organizationId).not.toBe(organizationId);
    expect((await organizationsOf(second, stored())).status).toBe(200);
  });
});

describe('astrolabe owner-token', () => {
  test('nobody locks themselves out: a new token beside the old one, with an audit row, while the server runs', async () => {
    const started = await startHere();
    const old = stored();
    at += 1000;
    const made = await makeOwnerToken(config, log, now);
    expect(made).toEqual({ file: join(folder, 'owner-token'), endsAt: at + 30 * dayMs });
    expect(statSync(made.file).mode & 0o777).toBe(0o600);
    expect(stored()).not.toBe(old);
    expect((await organizationsOf(started, stored())).status).toBe(200);
    expect((await organizationsOf(started, old)).status).toBe(200);
    const records = await listAuditEvents(started.deps.read, started.firstStart?.organizationId ?? '', 3, 10);
    expect(records).toMatchObject([{ action: 'token.created', actorType: 'SYSTEM', actorId: 'system' }]);
    at += 1;
    await makeOwnerToken(config, log, now);
  });

  test('a file that others could read is replaced by one that they cannot', async () => {
    await (await startHere()).close();
    rmSync(join(folder, 'owner-token'));
    writeFileSync(join(folder, 'owner-token'), '', { mode: 0o644 });
    const { file } = await makeOwnerToken(config, log, now);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('keeps the address of the installation, whatever its own environment says', async () => {
    await (await startHere()).close();
    const elsewhere = loadConfig({ ASTROLABE_DATA: folder, ASTROLABE_SERVER_PUBLIC_URL: 'https://elsewhere.example' });
    await makeOwnerToken(elsewhere, log, now);
    const again = await startHere();
    expect(again.deps.issuers).toEqual(['http://127.0.0.1:8888']);
  });

  test('without a database it makes none, and without its master key it makes no token', async () => {
    await expect(makeOwnerToken(config, log, now)).rejects.toThrow(/There is no database at .*server\.db: start the server first/);
    expect(existsSync(join(folder, 'server.db'))).toBe(false);
    await openStore(`sqlite:${folder}/server.db`).close();
    await expect(makeOwnerToken(config, log, now)).rejects.toThrow('The database is empty: start the server first.');
    rmSync(join(folder, 'server.db'));
    await (await startHere()).close();
    rmSync(join(folder, 'keys'), { recursive: true });
    await expect(makeOwnerToken(config, log, now)).rejects.toThrow(/master key/);
  });
});
