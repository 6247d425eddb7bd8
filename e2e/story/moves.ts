/** What happens more than once in the story. Each throws when it does not go as promised. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Printed, World } from './world.ts';

export const organizationPath = (world: World): string => `/v1/organizations/${idIn(world.ownerToken(), 'organizationId')}`;

export async function createDeployment(world: World, name: string, daysAgo = 0): Promise<string> {
  const workspaces = ok(await world.astro(['workspace', 'list', '--json']));
  const workspace: string = JSON.parse(workspaces.stdout).workspaces[0].id;
  ok(await world.astro(['deployment', 'create', '--name', name, '--workspace-id', workspace, '--description', `made ${daysAgo} days ago`]));
  const list = JSON.parse(ok(await world.astro(['deployment', 'list', '--workspace-id', workspace, '--json'])).stdout);
  const id: string = list.deployments.find((row: { name: string }) => row.name === name).deploymentId;
  if (!world.known.has('deployment')) world.known.set('deployment', id);
  return id;
}

export async function enrol(world: World, prepared: string): Promise<void> {
  const args = ['--deployment-id', deployment(world), '--airflow-url', known(world, 'airflowUrl'), '--gateway-url', world.gatewayUrl];
  ok(
    await world.astro(['gateway', 'enrol', ...args, '--airflow-credential', join(prepared, 'gateway-credential.json'), '--name', prepared]),
  );
  await eventually(
    () => world.airflow('GET', '/dags'),
    (answer) => answer.status === 401,
  );
}

/** Creates a Deployment token and remembers its value under `key`. */
export async function createToken(
  world: World,
  key: string,
  name: string,
  flags: readonly string[],
  deploymentId = deployment(world),
): Promise<string> {
  const created = ok(
    await world.astro(['deployment', 'token', 'create', '--name', name, '--deployment-id', deploymentId, '-c', ...withRole(flags)]),
  );
  const value = created.stdout.trim();
  world.known.set(key, value);
  return value;
}

const withRole = (flags: readonly string[]): readonly string[] =>
  flags.includes('--role') ? flags : [...flags, '--role', 'DEPLOYMENT_ADMIN'];

export async function addDagRole(world: World, value: string, dagId: string, role: string): Promise<void> {
  const path = `${organizationPath(world)}/tokens/${idIn(value, 'apiTokenId')}`;
  const token = await world.server('GET', path, world.ownerToken());
  const roles = [...token.body.roles, { entityType: 'DAG', entityId: dagId, deploymentId: deployment(world), role }];
  const answer = await world.server('POST', `${path}/roles`, world.ownerToken(), { roles });
  assert.equal(answer.status, 200, answer.text);
}

export async function runToSuccess(world: World, token: string, dagId: string): Promise<string> {
  const triggered = await world.airflow('POST', `/dags/${dagId}/dagRuns`, token, { logical_date: null });
  assert.equal(triggered.status, 200, triggered.text);
  const runId = encodeURIComponent(triggered.body.dag_run_id);
  const done = await eventually(
    () => world.airflow('GET', `/dags/${dagId}/dagRuns/${runId}`, token),
    (answer) => ['success', 'failed'].includes(answer.body?.state),
    90_000,
  );
  assert.equal(done.body.state, 'success');
  return runId;
}

/** To whoever does not hold a value that was once good here, every refusal is the same (F-05). */
export async function refusedAsNobody(world: World, token: string): Promise<void> {
  const [answer, garbage] = [await world.airflow('GET', '/dags', token), await world.airflow('GET', '/dags', 'garbage')];
  assert.equal(answer.status, 401);
  const { requestId: _one, ...seen } = answer.body;
  const { requestId: _other, ...expected } = garbage.body;
  assert.deepEqual(seen, expected);
}

export function forge(value: string): string {
  const [header = '', payload = ''] = value.split('.');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return `${header}.${payload}.${signBytes('sha256', Buffer.from(`${header}.${payload}`), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** Asks until the answer is as wanted; the last one is in the message when it never is. */
export async function eventually(look: () => Promise<Answer>, isWanted: (answer: Answer) => boolean, timeoutMs = 15_000): Promise<Answer> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await look();
    if (isWanted(answer)) return answer;
    if (performance.now() > deadline) assert.fail(`still ${answer.status} after ${timeoutMs / 1000} s: ${answer.text.slice(0, 500)}`);
    await sleep(20);
  }
}

export function ok(printed: Printed): Printed {
  assert.equal(printed.code, 0, `exit code ${printed.code}\n${printed.stderr}`);
  return printed;
}

export function known(world: World, key: string): string {
  const value = world.known.get(key);
  if (value === undefined) throw new Error(`the story does not know its ${key} yet`);
  return value;
}

export const deployment = (world: World): string => known(world, 'deployment');

/** The id of one kind that a value carries in `permissions`. */
export function idIn(value: string, kind: string): string {
  const claims = JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString()) as { permissions: string[] };
  const found = claims.permissions.find((entry) => entry.startsWith(`${kind}:`));
  if (!found) throw new Error(`the value carries no ${kind}`);
  return found.slice(kind.length + 1);
}
