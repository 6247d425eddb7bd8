import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildApp } from './app.ts';
import { loadConfig } from './config.ts';
import { createDeployment, deleteDeployment } from './deployments/deployments.ts';
import { type Started, start } from './start.ts';
import { listAuditEvents } from './store/audit.ts';
import { listChanges } from './store/changes.ts';
import { createToken } from './tokens/create.ts';
import { systemPrincipal } from './tokens/principal.ts';

const at = Date.UTC(2027, 0, 10, 12);
const former = 'http://127.0.0.1:8888';
const current = 'https://tokens.example';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-public-url-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts, does something, stops. */
async function once<T>(publicUrl: string, use: (started: Started) => Promise<T>): Promise<T> {
  const config = loadConfig({ ASTROLABE_DATA: folder, ASTROLABE_SERVER_PUBLIC_URL: publicUrl });
  const started = await start(config, pino({ level: 'silent' }), () => at);
  try {
    return await use(started);
  } finally {
    await started.close();
  }
}

const input = { name: 'ci', description: '', scope: 'ORGANIZATION', role: 'ORGANIZATION_OWNER', kind: 'STANDARD' } as const;

test('J-07 a changed public address: gateways and audit trail hear of it once, and values of the former one stay good', async () => {
  const { organizationId, deploymentId, deletedId, value } = await once(former, async ({ deps, firstStart }) => {
    if (!firstStart) throw new Error('the database is new');
    const system = systemPrincipal(firstStart.organizationId);
    const make = (name: string) => createDeployment(deps, system, system.organizationId, { name, workspaceId: firstStart.workspaceId });
    const deleted = await make('gone');
    await deleteDeployment(deps, system, { organizationId: system.organizationId, deploymentId: deleted.id });
    const { token } = await createToken(deps, system, system.organizationId, input);
    return { ...system, deploymentId: (await make('here')).id, deletedId: deleted.id, value: token };
  });
  const recorded = (started: Started) => listAuditEvents(started.deps.read, organizationId, 0, 1000);
  const heard = async (started: Started, id: string) =>
    (await listChanges(started.deps.read, id, 0, 1000)).map(({ body }) => JSON.parse(body));

  await once(current, async (started) => {
    const { deps } = started;
    expect((await recorded(started)).at(-1)).toMatchObject({
      action: 'installation.public_url_changed',
      actorType: 'SYSTEM',
      detail: JSON.stringify({ from: former, to: current }),
    });
    expect((await heard(started, deploymentId)).at(-2)).toMatchObject({ kind: 'deployment', issuers: [current, former] });
    expect((await heard(started, deletedId)).at(-1)).toMatchObject({ kind: 'end' });
    const made = await createToken(deps, systemPrincipal(organizationId), organizationId, { ...input, name: 'newer' });
    expect(JSON.parse(Buffer.from(made.token.split('.')[1] ?? '', 'base64url').toString()).iss).toBe(current);
    const app = await buildApp(deps);
    for (const token of [value, made.token]) {
      const answer = await app.inject({ url: '/v1/organizations', headers: { authorization: `Bearer ${token}` } });
      expect(answer.statusCode).toBe(200);
    }
    await app.close();
  });
  const count = await once(current, async (started) => (await recorded(started)).length);
  await once(former, async (started) => {
    expect(await recorded(started)).toHaveLength(count + 1); // the start in between changed nothing
    expect((await heard(started, deploymentId)).at(-2)).toMatchObject({ issuers: [former, current] });
  });
});
