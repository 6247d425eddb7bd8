/** Test support: a whole server on a database in memory, with a clock that stands still and a tenant to play with. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiTokenRole, IssuedToken } from '@astrolabe/contract';
import { type BuiltInRole, builtInRoles } from '@astrolabe/policy';
import pino from 'pino';
import { buildApp } from './app.ts';
import { loadConfig, type ServerConfig } from './config.ts';
import { createDeployment } from './deployments/deployments.ts';
import type { Deps, Principal } from './deps.ts';
import type { App } from './routing.ts';
import { start } from './start.ts';
import { createToken } from './tokens/create.ts';
import { systemPrincipal } from './tokens/principal.ts';
import { createWorkspace } from './workspaces/workspaces.ts';

/** When tests begin. */
export const testEpoch = Date.UTC(2027, 0, 10, 12);

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Parsed; undefined when there was no body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of many shapes, and a wrong one fails the test
  readonly body: any;
}

export interface NewTestToken {
  readonly role: BuiltInRole;
  /** Id of a workspace or Deployment; absent: the ones of the test, or the organization, as the role says. */
  readonly entityId?: string;
  readonly kind?: 'STANDARD' | 'DIRECT_ACCESS';
  readonly days?: number;
  readonly name?: string;
}

export interface TestServer {
  readonly deps: Deps;
  readonly app: App;
  /** Acts for the installation itself; may do everything in the organization. */
  readonly system: Principal;
  readonly organizationId: string;
  readonly workspaceId: string;
  readonly deploymentId: string;
  /** Value of the Organization Owner token. */
  readonly ownerToken: string;
  /** Every line the server logged. */
  readonly logLines: readonly string[];
  /** Moves the clock. */
  advance(ms: number): void;
  /** Sends a request as the holder of `token`; `/tokens…`, `/deployments…` and `/workspaces…` are those of the organization under `/v1`. */
  call(token: string | undefined, method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer>;
  /** A token with this role on its home, made by the installation. */
  makeToken(token: NewTestToken): Promise<IssuedToken>;
  /** Gives the token these roles beside the one on its home. */
  assign(token: IssuedToken, roles: readonly ApiTokenRole[]): Promise<void>;
  makeWorkspace(name: string): Promise<string>;
  makeDeployment(name: string, workspaceId?: string): Promise<string>;
  close(): Promise<void>;
}

/** @param settings variables beside the defaults, such as `ASTROLABE_SERVER_DATABASE_URL` */
export async function startTestServer(settings: Readonly<Record<string, string | undefined>> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'astrolabe-server-'));
  const clock = { now: testEpoch };
  const logLines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logLines.push(line) });
  const started = await start(testConfig(folder, settings), log, () => clock.now);
  const { deps } = started;
  const app = await buildApp(deps);
  if (!started.firstStart) throw new Error('a test server begins with an empty database');
  const { organizationId, workspaceId } = started.firstStart;
  const system = systemPrincipal(organizationId);
  let names = 0;

  const makeWorkspace = async (name: string): Promise<string> => {
    const made = await createWorkspace(deps, system, organizationId, { name, description: '', cicdEnforcedDefault: false });
    return made.id;
  };
  const makeDeployment = async (name: string, inWorkspace = workspaceId): Promise<string> => {
    const made = await createDeployment(deps, system, organizationId, { name, workspaceId: inWorkspace });
    return made.id;
  };
  const deploymentId = await makeDeployment('first');
  const makeToken = ({ role, entityId, kind = 'STANDARD', days, name = `token ${++names}` }: NewTestToken): Promise<IssuedToken> => {
    const scope = builtInRoles[role].scope;
    if (scope === 'DAG') throw new Error('a token lives higher up; assign Dag roles');
    const home = scope === 'ORGANIZATION' ? {} : { entityId: entityId ?? (scope === 'WORKSPACE' ? workspaceId : deploymentId) };
    const expiry = days === undefined ? {} : { tokenExpiryPeriodInDays: days };
    return createToken(deps, system, organizationId, { name, description: '', scope, role, kind, ...home, ...expiry });
  };

  const server: TestServer = {
    deps,
    app,
    system,
    organizationId,
    workspaceId,
    deploymentId,
    ownerToken: (await makeToken({ role: 'ORGANIZATION_OWNER', name: 'owner of the test' })).token,
    logLines,
    advance: (ms) => {
      clock.now += ms;
    },
    async call(token, method, path, body) {
      const isShort = /^\/(tokens|deployments|workspaces)\b/.test(path);
      const url = isShort ? `/v1/organizations/${organizationId}${path}` : path;
      const answer = await app.inject({
        method,
        url,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? undefined : answer.json() };
    },
    makeToken,
    async assign(token, roles) {
      const { status, body } = await server.call(server.ownerToken, 'POST', `/tokens/${token.id}/roles`, {
        roles: [...token.roles, ...roles],
      });
      if (status !== 200) throw new Error(`assigning failed: ${JSON.stringify(body)}`);
    },
    makeWorkspace,
    makeDeployment,
    async close() {
      await app.close();
      await started.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return server;
}

/** Nothing of the machine's environment; limits high enough to be out of the way. */
function testConfig(folder: string, settings: Readonly<Record<string, string | undefined>>): ServerConfig {
  return loadConfig({
    ASTROLABE_DATA: folder,
    ASTROLABE_SERVER_DATABASE_URL: 'sqlite::memory:',
    ASTROLABE_SERVER_GETS_PER_SECOND: '1000000',
    ASTROLABE_SERVER_POSTS_PER_SECOND: '1000000',
    ASTROLABE_SERVER_DELETES_PER_SECOND: '1000000',
    ...settings,
  });
}
