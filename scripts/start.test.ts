/** Starts what `npm start` starts: both programs with Node, on free ports and in a folder of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'astrolabe-start-'));
const dataDir = join(folder, 'data');
const running: Start[] = [];
let serverPort = 0;
let gatewayPort = 0;

beforeAll(async () => {
  serverPort = await freePort();
  gatewayPort = await freePort();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((start) => start.stop()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Start {
  readonly child: ChildProcess;
  /** Both streams as a person at the terminal sees them. */
  screen(): string;
  until(text: string): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  readonly exit: Promise<number | null>;
}

function start(args: readonly string[] = [], environment: Record<string, string> = {}): Start {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'start.ts'), ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      ASTROLABE_DATA: dataDir,
      ASTROLABE_SERVER_PORT: String(serverPort),
      ASTROLABE_GATEWAY_PORT: String(gatewayPort),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let screen = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      screen += String(chunk);
      for (const look of waiting) look();
    });
  }
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const started: Start = {
    child,
    exit,
    screen: () => screen,
    until: (text) =>
      Promise.race([
        new Promise<string>((resolve) => {
          const look = (): void => {
            if (screen.includes(text)) resolve(screen);
          };
          waiting.add(look);
          look();
        }),
        exit.then((code) => Promise.reject(new Error(`ended with ${code} before "${text}":\n${screen}`))),
      ]),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return exit;
    },
  };
  running.push(started);
  return started;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

const health = async (port: number): Promise<number> => (await fetch(`http://127.0.0.1:${port}/healthz`)).status;
const pidOf = (screen: string, name: string): number => Number(new RegExp(`^${name}.*process (\\d+)`, 'm').exec(screen)?.[1]);

describe('npm start', () => {
  test('the first start brings up both, and says the next commands to type', { timeout: 60_000 }, async () => {
    const first = start();
    const screen = await first.until('Ctrl-C stops everything.');
    expect([await health(serverPort), await health(gatewayPort)]).toEqual([200, 200]);
    for (const text of [
      `server    http://127.0.0.1:${serverPort}`,
      `gateway   http://127.0.0.1:${gatewayPort}`,
      'not enrolled yet',
      'export PATH="$PWD/node_modules/.bin:$PATH"',
      `export ASTRO_API_TOKEN="$(cat ${dataDir}/owner-token)"`,
      `export ASTRO_API_URL=http://127.0.0.1:${serverPort}`,
      'astro deployment create',
      'astrolabe gateway enrol',
      `http://127.0.0.1:${gatewayPort}/api/v2/dags`,
      'ends in 30 days',
    ]) {
      expect(screen).toContain(text);
    }
    expect(screen).not.toContain(readFileSync(join(dataDir, 'owner-token'), 'utf8').trim());
    expect(await first.stop('SIGINT')).toBe(0);
    await expect(health(serverPort)).rejects.toThrow();
    await expect(health(gatewayPort)).rejects.toThrow();
    for (const path of readdirSync(dataDir, { recursive: true }) as string[]) {
      expect(statSync(join(dataDir, path)).mode & 0o077, path).toBe(0);
    }
    for (const name of ['server', 'gateway']) expect(readFileSync(join(dataDir, 'logs', `${name}.log`), 'utf8')).toContain('listening');
  });

  test('the next start finds it all; when the server is killed it says so, and the gateway goes on', { timeout: 60_000 }, async () => {
    const again = start();
    const screen = await again.until('Ctrl-C stops everything.');
    expect(screen).not.toContain('This is the first start');
    expect(screen).toMatch(/owner token in .* ends in 30 days/);
    process.kill(pidOf(screen, 'server'), 'SIGKILL');
    await again.until('was ended by SIGKILL');
    expect(again.screen()).toContain(
      `The gateway (process ${pidOf(screen, 'gateway')}) goes on. \`npm run server\` starts the server again.`,
    );
    expect(await health(gatewayPort)).toBe(200);
    await expect(health(serverPort)).rejects.toThrow();

    const alone = start(['server']);
    expect(await alone.until('Ctrl-C stops everything.')).not.toContain('gateway   http');
    expect(await health(serverPort)).toBe(200);
    expect(await alone.stop()).toBe(0);

    process.kill(pidOf(screen, 'gateway'), 'SIGKILL');
    expect(await again.exit).toBe(1); // nothing is left to wait for
  });

  test('a port that is taken is one sentence and exit 1, and stops what was started already', { timeout: 60_000 }, async () => {
    const squatter = createServer().listen(gatewayPort, '127.0.0.1');
    await once(squatter, 'listening');
    const failed = start();
    expect(await failed.exit).toBe(1);
    expect(failed.screen().trimEnd().split('\n')).toEqual([expect.stringContaining(`port ${gatewayPort} on 127.0.0.1 is taken`)]);
    await expect(health(serverPort)).rejects.toThrow();
    squatter.close();
  });

  test('the master key reaches the server alone', { timeout: 60_000 }, async () => {
    const both = start([], { ASTROLABE_KEYS: join(dataDir, 'keys') });
    const screen = await both.until('Ctrl-C stops everything.');
    if (process.platform !== 'linux') return;
    const environmentOf = (name: string) => readFileSync(`/proc/${pidOf(screen, name)}/environ`, 'utf8');
    expect(environmentOf('server')).toContain('ASTROLABE_KEYS=');
    expect(environmentOf('gateway')).not.toContain('ASTROLABE_KEYS=');
  });

  test('a program there is not', async () => {
    const failed = start(['database']);
    expect(await failed.exit).toBe(1);
    expect(failed.screen()).toBe('There is no program database: say server or gateway, or nothing for both.\n');
  });
});
