/** The program as it is started: what `npm run build` makes, through `bin/astro.js`, in processes of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiToken, deploymentId, startApi, token } from './test-support.ts';

// The layout of the checkout, so that nothing of this touches the built program that others may be using.
const root = mkdtempSync(join(tmpdir(), 'astro-'));
const folder = join(root, 'apps', 'cli');
const link = join(root, 'astro');
const here = join(import.meta.dirname, '..');

beforeAll(() => {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const name of ['astro.js', 'package.json']) copyFileSync(join(here, 'bin', name), join(folder, 'bin', name));
  symlinkSync(join(folder, 'bin', 'astro.js'), link);
});
afterAll(() => rmSync(root, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Standard input is answered and then left open, as a terminal would be. */
async function start(args: readonly string[], { env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env }, stdio: 'pipe' });
  child.stdin.write(input);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test('before it is built it says what to run', async () => {
  expect(await start([link, '--version'])).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('npm run build') });
});

describe('the bundle', () => {
  const bundle = join(folder, 'dist', 'astro.cjs');

  beforeAll(() => {
    execFileSync(process.execPath, [join(here, 'build.ts'), join(folder, 'dist')]);
  });

  test('is small, without schemas, and its compiled form fits it', () => {
    const source = readFileSync(bundle, 'utf8');
    expect(source.length).toBeLessThan(150_000);
    expect(source).not.toContain('ZodError');
    const script = new Script(source, { filename: bundle, cachedData: readFileSync(`${bundle}.cache`) });
    expect(script.cachedDataRejected).toBe(false);
  });

  test('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
    expect(await start([link, '--version'])).toEqual({ code: 0, stdout: `Astro CLI Version: ${version} (Astrolabe)\n`, stderr: '' });
  });

  test('makes a call, takes piped answers one by one, and ends although its input stays open', async () => {
    const api = await startApi({ 'POST /tokens': { body: token({ token: 'value' }) } });
    const env = { ASTRO_API_URL: api.url, ASTRO_API_TOKEN: apiToken() };
    const line = [link, 'deployment', 'token', 'create', `--deployment-id=${deploymentId}`, '-c'];
    expect(await start(line, { env, input: 'ci\nDEPLOYMENT_ADMIN\n' })).toMatchObject({ code: 0, stdout: 'value\n' });
    expect(api.asked[0]?.body).toMatchObject({ name: 'ci', role: 'DEPLOYMENT_ADMIN' });
  });

  test('a failure has the remedy of its problem page', async () => {
    const body = { message: 'taken', code: 'name_taken', requestId: 'r' };
    const api = await startApi({ 'POST /tokens': { status: 409, body } });
    const line = [link, 'deployment', 'token', 'create', `--deployment-id=${deploymentId}`, '-n', 'x', '-r', 'y'];
    const { code, stderr } = await start(line, { env: { ASTRO_API_URL: api.url, ASTRO_API_TOKEN: apiToken() } });
    expect([code, stderr]).toEqual([1, expect.stringContaining('Choose another name')]);
  });

  test('on a Node that is too old it starts itself again with that of the checkout', async () => {
    const pretend = join(root, 'pretend.cjs');
    writeFileSync(pretend, "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });");
    const old = ['--require', pretend, link, '--version'];
    expect(await start(old)).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('npm ci') });
    const own = join(root, 'node_modules', '.bin', 'node');
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    writeFileSync(own, `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
    chmodSync(own, 0o755);
    expect(await start(old)).toMatchObject({ code: 0, stdout: expect.stringContaining('Astro CLI Version') });
    expect(await start(['--require', pretend, link, 'nonsense'])).toMatchObject({ code: 1, stderr: expect.stringContaining("'nonsense'") });
  });
});
