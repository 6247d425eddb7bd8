/** The real product for a bench: the control plane as a process, gateways as processes, in a folder that goes away. */
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { disposableFolder, type Environment, freePort, type Program, runProgram, startProgram, waitUntil } from '../e2e/process.ts';
import { startOnCore } from './core.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Twenty of them start at the same time on two cores. */
const startTimeoutMs = 60_000;

export interface Installation {
  readonly folder: string;
  readonly serverUrl: string;
  readonly organizationId: string;
  readonly workspaceId: string;
  /** Of the first start; may do everything. */
  readonly ownerToken: string;
  /** Asks the control plane as the owner. Throws unless the answer is a success. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T>;
  createDeployment(name: string): Promise<string>;
  /** Enrols a gateway with the real command, and starts it. */
  startGateway(options: { deploymentId: string; airflowUrl: string; core?: number }): Promise<RunningGateway>;
  /** Ends and removes everything. */
  close(): Promise<void>;
}

export interface RunningGateway {
  readonly url: string;
  readonly program: Program;
}

export interface InstallationOptions {
  /** Where the server runs; absent: wherever the system puts it. */
  readonly core?: number;
  /** What Node runs as the server, instead of the server itself. */
  readonly main?: readonly string[];
}

/** Starts the control plane for the first time. */
export async function startInstallation({ core, main }: InstallationOptions = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'astrolabe-bench-'));
  const removeFolder = disposableFolder(folder);
  const dataDir = join(folder, 'data');
  const serverUrl = `http://127.0.0.1:${await freePort()}`;
  const programs: Program[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(programs.map((program) => program.stop()));
    removeFolder();
  };
  try {
    const server = {
      name: 'server',
      args: main ?? [join(root, 'apps/server/src/main.ts')],
      environment: serverSettings(dataDir, serverUrl),
    };
    await startNode(folder, programs, { ...server, core, readyAt: `${serverUrl}/healthz` });
    const ownerToken = readFileSync(join(dataDir, 'owner-token'), 'utf8').trim();
    const ask: Installation['ask'] = (method, path, body) => askServer(serverUrl + path, method, ownerToken, body);
    const { organizationId, workspaceId } = await findFirstTenant(ask);
    return {
      folder,
      serverUrl,
      organizationId,
      workspaceId,
      ownerToken,
      ask,
      async createDeployment(name) {
        const { id } = await ask<{ id: string }>('POST', `/v1/organizations/${organizationId}/deployments`, { name, workspaceId });
        return id;
      },
      async startGateway({ deploymentId, airflowUrl, core: at }) {
        const data = join(folder, `gateway-${deploymentId}`);
        const url = `http://127.0.0.1:${await freePort()}`;
        await enrol(folder, { ASTRO_API_TOKEN: ownerToken, ASTRO_API_URL: serverUrl }, [
          ...['--deployment-id', deploymentId, '--airflow-url', airflowUrl, '--gateway-url', url, '--data', data],
        ]);
        const environment = { ASTROLABE_DATA: data, ASTROLABE_GATEWAY_PORT: new URL(url).port };
        const gateway = { name: `gateway-${deploymentId}`, args: [join(root, 'apps/gateway/src/main.ts')], environment };
        return { url, program: await startNode(folder, programs, { ...gateway, core: at, readyAt: `${url}/readyz` }) };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function serverSettings(dataDir: string, serverUrl: string): Environment {
  return {
    ASTROLABE_DATA: dataDir,
    ASTROLABE_SERVER_PORT: new URL(serverUrl).port,
    ASTROLABE_SERVER_PUBLIC_URL: serverUrl,
    // benches ask more often than one token may
    ASTROLABE_SERVER_GETS_PER_SECOND: '1000000',
    ASTROLABE_SERVER_POSTS_PER_SECOND: '1000000',
    ASTROLABE_SERVER_DELETES_PER_SECOND: '1000000',
  };
}

interface NodeProgram {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly core: number | undefined;
  /** Answers with a success as soon as the program is ready. */
  readonly readyAt: string;
}

async function startNode(folder: string, programs: Program[], { name, args, environment, core, readyAt }: NodeProgram): Promise<Program> {
  const options = { ...inFolder(folder, name), command: process.execPath, args, environment: { ...plain(folder), ...environment } };
  const program = core === undefined ? await startProgram(options) : await startOnCore(core, options);
  programs.push(program);
  const isReady = async () => ((await fetch(readyAt)).ok ? true : undefined);
  await waitUntil(readyAt, isReady, { programs: [program], timeoutMs: startTimeoutMs, everyMs: 100 });
  return program;
}

/** `astrolabe airflow prepare` where it was not done yet, then `astrolabe gateway enrol`. */
async function enrol(folder: string, environment: Environment, args: readonly string[]): Promise<void> {
  const prepared = join(folder, 'prepared');
  const astrolabe = (...words: readonly string[]) =>
    runProgram(
      {
        ...inFolder(folder, 'astrolabe'),
        command: process.execPath,
        args: [join(root, 'apps/cli/src/main.ts'), ...words],
        environment: { ...plain(folder), ...environment },
      },
      startTimeoutMs,
    );
  if (mkdirSync(prepared, { recursive: true, mode: 0o700 }) !== undefined) await astrolabe('airflow', 'prepare', '--out', prepared);
  await astrolabe('gateway', 'enrol', '--airflow-credential', join(prepared, 'gateway-credential.json'), ...args);
}

const inFolder = (folder: string, name: string) => ({ name, logFile: join(folder, `${name}.log`), cwd: root });
const plain = (folder: string): Environment => ({ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder });

async function findFirstTenant(ask: Installation['ask']): Promise<{ organizationId: string; workspaceId: string }> {
  const { organizations } = await ask<{ organizations: { id: string }[] }>('GET', '/v1/organizations');
  const organizationId = organizations[0]?.id;
  const { workspaces } = await ask<{ workspaces: { id: string }[] }>('GET', `/v1/organizations/${organizationId}/workspaces`);
  const workspaceId = workspaces[0]?.id;
  if (organizationId === undefined || workspaceId === undefined) throw new Error('the first start made no organization or no workspace');
  return { organizationId, workspaceId };
}

async function askServer<T>(url: string, method: string, token: string, body: unknown): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} → ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T; // the caller says what the contract promises there
}
