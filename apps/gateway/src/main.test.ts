import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let folder: string;
let started: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-'));
  started = [];
});

afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Starts the real program with Node, which proves what vitest's own transformation cannot. */
function start(env: Record<string, string> = {}): ChildProcess & { readonly output: { out: string; err: string } } {
  const all = { PATH: process.env.PATH ?? '', ASTROLABE_DATA: folder, ASTROLABE_GATEWAY_PORT: '0', ...env };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { env: all, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
  });
  return Object.assign(child, { output });
}

/** The log line that says it listens. */
async function listening(child: ReturnType<typeof start>): Promise<{ pid: number; port: number }> {
  while (!child.output.out.includes('listening')) await once(child.stdout ?? child, 'data');
  return JSON.parse(child.output.out.split('\n').find((line) => line.includes('listening')) ?? '');
}

describe('the program', () => {
  test('starts with nothing, says its process id, answers, and stops when asked', async () => {
    const child = start();
    const { pid, port } = await listening(child);
    expect(pid).toBe(child.pid);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(child.output.err).toBe('');
  });

  test('a taken port is one clear sentence and exit 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number }; // TCP servers have one
    const child = start({ ASTROLABE_GATEWAY_PORT: String(port) });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(child.output.err).toBe(`The port ${port} on 127.0.0.1 is taken: set ASTROLABE_GATEWAY_PORT to another one.\n`);
    other.close();
  });

  test('S-06 a data folder that others can read is one clear sentence and exit 1', async () => {
    chmodSync(folder, 0o755);
    const child = start();
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(child.output.err).toMatch(/^\S+ can be read by others \(mode 0755\): take that away with chmod go-rwx \S+\n$/);
  });

  test('mistakes in the configuration are one clear sentence and exit 1', async () => {
    const child = start({ ASTROLABE_GATEWAY_PROT: '1' });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(child.output.err).toBe('The configuration is not valid. ASTROLABE_GATEWAY_PROT: there is no such setting.\n');
  });
});
