import { afterEach, beforeEach, expect, test } from 'vitest';
import { listChanges } from '../store/changes.ts';
import { listConcernedDeployments, readTokenState } from '../store/feed.ts';
import { findToken } from '../store/tokens.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { canonical } from './announce.ts';
import { tokenEntry } from './entries.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

test.each([
  { role: 'ORGANIZATION_OWNER' },
  { role: 'WORKSPACE_MEMBER', days: 1 },
  { role: 'DEPLOYMENT_ADMIN', days: 1 },
  { role: 'DEPLOYMENT_ADMIN', days: 1, kind: 'DIRECT_ACCESS' },
] as const)('gateways hear of a new token what the database says of it: $role $kind', async (wanted) => {
  const { deps, organizationId, deploymentId } = server;
  await server.makeDeployment('second');
  const { id } = await server.makeToken(wanted);
  const row = await findToken(deps.read, organizationId, id);
  if (!row) throw new Error('it was just made');
  const state = await readTokenState(deps.read, row, deps.now());
  const concerned = await listConcernedDeployments(deps.read, row);
  expect(concerned.map((deployment) => deployment.id)).toContain(deploymentId);
  for (const deployment of concerned) {
    const last = (await listChanges(deps.read, deployment.id, 0, 1000)).at(-1);
    expect(last?.body).toBe(canonical(tokenEntry(state, deployment)));
  }
});
