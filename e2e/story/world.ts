/** What the story happens in: one server, one gateway and one Airflow, all real, all in a folder of their own. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { readEnvironmentFile } from '../airflow/environment.ts';
import { type RunningAirflow, startAirflow } from '../airflow/start.ts';
import { disposableFolder, type Environment, freePort, type Program, startProgram, waitUntil } from '../process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a command printed. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** An answer over HTTP; `body` is JSON where the answer was. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever Airflow or the server sent; each step asserts what it reads
  readonly body: any;
  readonly text: string;
}

export interface World {
  readonly folder: string;
  readonly serverUrl: string;
  readonly gatewayUrl: string;
  /** Runs `astro` as a person would, with the token of the owner unless another is given. */
  astro(args: readonly string[], token?: string): Promise<Printed>;
  /** Asks the control plane. */
  server(method: string, path: string, token: string, body?: unknown): Promise<Answer>;
  /** Asks Airflow through the gateway. */
  airflow(method: string, path: string, token?: string, body?: unknown): Promise<Answer>;
  ownerToken(): string;
  startServer(options?: { daysAgo?: number }): Promise<void>;
  stopServer(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  startGateway(settings?: Environment): Promise<void>;
  stopGateway(): Promise<void>;
  /** Starts an Airflow from exactly what `astrolabe airflow prepare` wrote into `preparedFolder`. */
  startAirflow(preparedFolder: string, tell: (text: string) => void): Promise<RunningAirflow>;
  stopAirflow(): Promise<void>;
  /** What the story learns on its way. */
  readonly known: Map<string, string>;
  /** Ends and removes everything. */
  close(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'astrolabe-story-'));
  const removeFolder = disposableFolder(folder);
  const dataDir = join(folder, 'data');
  const [serverPort, gatewayPort] = [await freePort(), await freePort()];
  const [serverUrl, gatewayUrl] = [`http://127.0.0.1:${serverPort}`, `http://127.0.0.1:${gatewayPort}`];
  let server: Program | undefined;
  let gateway: Program | undefined;
  let airflow: RunningAirflow | undefined;
  const environment: Environment = {
    PATH: `${join(root, 'node_modules/.bin')}:/usr/local/bin:/usr/bin:/bin`,
    HOME: folder,
    ASTROLABE_DATA: dataDir,
    ASTROLABE_SERVER_PORT: String(serverPort),
    ASTROLABE_SERVER_PUBLIC_URL: serverUrl,
    ASTROLABE_GATEWAY_PORT: String(gatewayPort),
    ASTRO_API_URL: serverUrl,
  };
  const main = (name: 'server' | 'gateway', more: Environment, prefix: readonly string[] = []) => {
    const [command = '', ...args] = [...prefix, process.execPath, join(root, 'apps', name, 'src/main.ts')];
    return startProgram({ name, command, args, environment: { ...environment, ...more }, logFile: join(folder, `${name}.log`), cwd: root });
  };
  const isUp = (url: string, program: Program) =>
    waitUntil(`${url}/healthz`, async () => ((await fetch(`${url}/healthz`)).ok ? true : undefined), {
      programs: [program],
      timeoutMs: 20_000,
      everyMs: 50,
    });

  return {
    folder,
    serverUrl,
    gatewayUrl,
    known: new Map(),
    ownerToken: () => readFileSync(join(dataDir, 'owner-token'), 'utf8').trim(),
    astro(args, token = readFileSync(join(dataDir, 'owner-token'), 'utf8').trim()) {
      return run(join(root, 'node_modules/.bin/astro'), args, { ...environment, ASTRO_API_TOKEN: token });
    },
    server: (method, path, token, body) => ask(serverUrl, path, method, token, body),
    airflow: (method, path, token, body) => ask(gatewayUrl, `/api/v2${path}`, method, token, body),
    async startServer({ daysAgo = 0 } = {}) {
      const turned = daysAgo === 0 ? [] : ['faketime', '-f', `-${daysAgo}d`];
      server = await main('server', daysAgo === 0 ? {} : { FAKETIME_DONT_FAKE_MONOTONIC: '1' }, turned);
      await isUp(serverUrl, server);
    },
    async stopServer(signal) {
      if (!server) return;
      if (signal === 'SIGKILL') process.kill(server.pid, 'SIGKILL');
      await server.stop();
      server = undefined;
    },
    async startGateway(settings = {}) {
      gateway = await main('gateway', settings);
      await isUp(gatewayUrl, gateway);
    },
    async stopGateway() {
      await gateway?.stop();
      gateway = undefined;
    },
    async startAirflow(preparedFolder, tell) {
      await airflow?.stop();
      const dir = join(folder, `airflow-${preparedFolder.split('/').at(-1)}`);
      mkdirSync(dir);
      airflow = await startAirflow({ dir, environment: readEnvironmentFile(join(preparedFolder, 'airflow.env')), onProgress: tell });
      return airflow;
    },
    async stopAirflow() {
      await airflow?.stop();
      airflow = undefined;
    },
    async close() {
      await Promise.all([server?.stop(), gateway?.stop(), airflow?.stop()]);
      removeFolder();
    },
  };
}

/** Plain `node:http`, which sends the path as it is: `fetch` would tidy up what the gateway must refuse. */
function ask(base: string, path: string, method: string, token: string | undefined, body: unknown): Promise<Answer> {
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(base, { path, method, headers, agent: false }, async (incoming) => {
      try {
        const text = await readText(incoming);
        const type = incoming.headers['content-type'] ?? '';
        const isJson = /json/.test(type) && !/ndjson/.test(type) && text !== '';
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, body: isJson ? JSON.parse(text) : undefined });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function run(command: string, args: readonly string[], environment: Environment): Promise<Printed> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, cwd: dirname(root), stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed.stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...printed, code: code ?? 128 }));
  });
}
