import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';

/** The real program in a process of its own; vitest transforms TypeScript itself and would not notice what Node cannot run. */
const folder = mkdtempSync(join(tmpdir(), 'astrolabe-main-'));
const dataDir = join(folder, 'data');
const running: { stop(signal?: NodeJS.Signals): Promise<number | null> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop('SIGKILL')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Listening {
  readonly address: string;
  readonly firstStart?: { readonly organizationId: string };
  readonly ownerToken: { readonly state: string };
}

function run(environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { PATH: process.env.PATH ?? '', ASTROLABE_DATA: dataDir, ASTROLABE_SERVER_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const program = {
    exit,
    stderr: () => err,
    stdout: () => out,
    async listening(): Promise<Listening> {
      for (;;) {
        const line = out.split('\n').find((text) => text.includes('"msg":"listening"'));
        if (line) return JSON.parse(line);
        await Promise.race([once(child.stdout, 'data'), exit.then((code) => Promise.reject(new Error(`exit ${code}: ${err}`)))]);
      }
    },
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      child.kill(signal);
      return exit;
    },
  };
  running.push(program);
  return program;
}

/** How a start that cannot succeed ends: one sentence, exit 1, no stack. */
async function failure(environment: Record<string, string> = {}): Promise<string> {
  const program = run(environment);
  expect(await program.exit).toBe(1);
  const lines = program.stderr().trimEnd().split('\n');
  expect(lines, program.stderr()).toHaveLength(1);
  return lines[0] ?? '';
}

async function organizationsOf(address: string): Promise<{ organizations: { id: string }[] }> {
  const authorization = `Bearer ${readFileSync(join(dataDir, 'owner-token'), 'utf8').trim()}`;
  const answer = await fetch(`${address}/v1/organizations`, { headers: { authorization } });
  return (await answer.json()) as { organizations: { id: string }[] }; // the contract's own tests say so
}

describe('the server as a process', () => {
  test('C-04 the first start makes everything, for its owner alone; the second finds it all again', async () => {
    const first = run();
    const { address, firstStart } = await first.listening();
    expect(await (await fetch(`${address}/readyz`)).json()).toMatchObject({ status: 'ready' });
    const made = await organizationsOf(address);
    expect(made.organizations[0]?.id).toBe(firstStart?.organizationId);
    expect(await first.stop('SIGINT')).toBe(0);

    for (const path of readdirSync(dataDir, { recursive: true }) as string[]) {
      expect(statSync(join(dataDir, path)).mode & 0o077, path).toBe(0);
    }
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);

    const second = run();
    const again = await second.listening();
    expect(again).not.toHaveProperty('firstStart');
    expect(again.ownerToken.state).toBe('live');
    expect(await organizationsOf(again.address)).toEqual(made);
    expect(first.stdout() + second.stdout()).not.toContain(readFileSync(join(dataDir, 'owner-token'), 'utf8').trim());
    expect(await second.stop()).toBe(0);
  });

  test('a request under way is answered before it ends', async () => {
    const program = run();
    const { address } = await program.listening();
    const answers = Promise.all(Array.from({ length: 20 }, () => organizationsOf(address)));
    await organizationsOf(address);
    const stopped = program.stop();
    await expect(answers).resolves.toHaveLength(20);
    expect(await stopped).toBe(0);
  });
});

describe('a start that cannot succeed is one sentence and exit 1', () => {
  test('a taken port, and nothing was made', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    const elsewhere = join(folder, 'untouched');
    const sentence = await failure({ ASTROLABE_SERVER_PORT: String(port), ASTROLABE_DATA: elsewhere });
    expect(sentence).toBe(`The port ${port} on 127.0.0.1 is taken. Stop what listens there, or set ASTROLABE_SERVER_PORT to another one.`);
    expect(existsSync(join(elsewhere, 'server.db'))).toBe(false);
    squatter.close();
  });

  test('S-07 a database without its master key, and none is made in its place', async () => {
    const file = join(dataDir, 'keys', 'master.key');
    rmSync(file);
    expect(await failure()).toContain(`The database is there but its master key is not: ${file} is missing.`);
    expect(existsSync(file)).toBe(false);
  });

  test('mistakes in the configuration, all at once and without a value', async () => {
    const sentence = await failure({
      ASTROLABE_SERVER_PORT: 'canary',
      ASTROLABE_SERVER_COLOUR: 'canary',
      ASTROLABE_SERVER_LOG_LEVEL: 'canary',
    });
    for (const name of ['ASTROLABE_SERVER_PORT', 'ASTROLABE_SERVER_COLOUR', 'ASTROLABE_SERVER_LOG_LEVEL']) expect(sentence).toContain(name);
    expect(sentence).not.toContain('canary');
  });
});
