/** The program as a whole: help, mistakes, credentials, and a server that does not answer as it should. */
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { send } from './http.ts';
import { apiToken, astro, deploymentId, nowMs, page, problem, startApi } from './test-support.ts';

const list = ['deployment', 'token', 'list', `--deployment-id=${deploymentId}`];

describe('help and mistakes', () => {
  test.each([
    [['--version'], 'Astro CLI Version: 0.0.0 (Astrolabe)\n'],
    [['version'], 'Astro CLI Version: 0.0.0 (Astrolabe)\n'],
    [[], expect.stringContaining('Usage: astro [options] [command]')],
    [['--help'], expect.stringContaining('owner-token')],
    [['help', 'deployment'], expect.stringContaining('Usage: astro deployment|de [options] [command]')],
    [['deployment'], expect.stringContaining('token|to')],
    [['deployment', 'token', 'rotate', '-h'], expect.stringContaining('--deployment-id')],
  ])('%j is a result: stdout, exit 0, and it needs no token', async (argv, stdout) => {
    expect(await astro(argv, { env: { ASTRO_API_TOKEN: undefined } })).toEqual({ code: 0, stdout, stderr: '' });
  });

  test.each([
    [['deploy'], "unknown command 'deploy'"],
    [['deployment', 'tokn'], "unknown command 'tokn'"],
    [[...list, '--jsno'], "unknown option '--jsno'"],
    [[...list, 'extra'], 'too many arguments'],
    [[...list, '--json', '-o', 'tsv'], "option '--json' cannot be used with option '-o, --output <format>'"],
    [[...list, '-o', 'xml'], 'invalid format "xml" (must be table, json, or tsv)'],
    [['gateway', 'enrol'], "required option '--deployment-id <id>' not specified"],
  ])('%j is a mistake: stderr, exit 1', async (argv, message) => {
    const { code, stdout, stderr } = await astro(argv);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.startsWith(`Error: ${message}`) && stderr.endsWith('\n')).toBe(true);
  });

  test('L-04 no flag and no argument takes a secret', async () => {
    const groups = [
      ['deployment'],
      ['deployment', 'token'],
      ['workspace'],
      ['organization'],
      ['organization', 'token'],
      ['gateway'],
      ['airflow'],
    ];
    for (const group of groups) {
      const { stdout: help } = await astro(group);
      for (const [, command = ''] of help.matchAll(/^ {2}(\w[\w-]*)/gm)) {
        const flags = [...(await astro([...group, command, '--help'])).stdout.matchAll(/--([\w-]+)/g)].map(([, flag]) => flag ?? '');
        const secret = flags.filter(
          (flag) => /token|secret|password|credential|key$/.test(flag) && !/^api-token-file$|^airflow-credential$|^key$/.test(flag),
        );
        expect(secret).toEqual([]);
      }
    }
  });
});

describe('ASTRO_API_TOKEN', () => {
  const claims = (permissions: unknown): string => apiToken({ permissions });
  test.each([
    ['opaque text', 'opaque'],
    ['two parts', 'e30.e30'],
    ['four parts', `${apiToken()}.x`],
    ['a header that is not base64url', apiToken().replace(/^e/, '=')],
    ['a payload that is no JSON', 'e30.bm9wZQ.x'],
    ['a payload that is a list', 'e30.W10.x'],
    ['no permissions', claims(undefined)],
    ['permissions that are no list', claims('organizationId:x')],
    ['a permission that is no text', claims(['organizationId:x', 1])],
    ['no organization', claims(['apiTokenId:x', 'nocolon'])],
    ['the word Bearer before it', `Bearer ${apiToken()}`],
  ])('%s is malformed: exit 1, not repeated, nothing sent', async (_name, value) => {
    const api = await startApi({});
    const { code, stdout, stderr } = await astro(list, { api, env: { ASTRO_API_TOKEN: value } });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Error: API Token is invalid or malformed\nLook at ASTRO_API_TOKEN/);
    expect(stderr).not.toContain(value);
    expect(api.asked).toEqual([]);
  });

  test('expired: exit 1, says when and how to go on, nothing sent', async () => {
    const api = await startApi({});
    const { code, stderr } = await astro(list, { api, env: { ASTRO_API_TOKEN: apiToken({ exp: nowMs / 1000 }) } });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^Error: API Token is expired\n.*ended on 2026-11-26T12:00:00.000Z.*rotate/)]);
    expect(api.asked).toEqual([]);
  });

  test('none: exit 1 and how to set it', async () => {
    const ended = await astro(list, { env: { ASTRO_API_TOKEN: '' } });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error: no API token was given\nSet ASTRO_API_TOKEN/) });
  });

  test('L-04 a file is read only if nobody else can read it', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    const file = join(folder.path, 'token');
    const api = await startApi({ 'GET /tokens': page('tokens', []) });
    const fromFile = [...list, '--api-token-file', file];
    writeFileSync(file, `${apiToken({ n: 1 })}\n`, { mode: 0o600 });
    expect(await astro(fromFile, { api })).toMatchObject({ code: 0 });
    expect(api.asked[0]?.headers.authorization).toBe(`Bearer ${apiToken({ n: 1 })}`);
    const open = join(folder.path, 'open');
    writeFileSync(open, apiToken(), { mode: 0o644 });
    const ended = await astro([...list, '--api-token-file', open], { api });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`chmod 600 ${open}`) });
  });
});

describe('the server', () => {
  test('down: says where, and what to do', async () => {
    const { code, stdout, stderr } = await astro(list, { env: { ASTRO_API_URL: 'http://localhost:1' } });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      'Error: Cannot reach the Astrolabe server at http://localhost:1: nothing listens there (ECONNREFUSED).\nIs it running? Start it with npm start',
    );
  });

  test('a redirect is not followed, and the token stays here', async () => {
    const elsewhere = await startApi({});
    const api = await startApi({ 'GET /tokens': { status: 307, headers: { location: `${elsewhere.url}/v1` } } });
    const ended = await astro(list, { api });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('a token is not sent there') });
    expect(elsewhere.asked).toEqual([]);
  });

  test.each([
    ['a page of HTML', { status: 502, body: '<html>', headers: { 'content-type': 'text/html' } }, 'failed to perform request, status 502'],
    ['success that is no JSON', { status: 200, body: 'hello' }, 'failed to perform request, status 200'],
    ['201', { status: 201, body: { tokens: [] } }, 'failed to perform request, status 201'],
    ['a list without rows', { status: 200, body: {} }, 'the answer of the server holds no tokens'],
    ['a problem', problem('permission_denied'), 'This is not allowed with the rights of the caller'],
    ['an older error body', { status: 500, body: { message: 'failed to list tokens' } }, 'failed to list tokens'],
  ])('%s', async (_name, answer, message) => {
    const api = await startApi({ 'GET /tokens': answer });
    expect(await astro(list, { api })).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`Error: ${message}\n`) });
  });

  test('too many requests: how long to wait; broken rules: which fields', async () => {
    const limited = await startApi({ 'GET /tokens': { ...problem('rate_limited'), headers: { 'retry-after': '2' } } });
    expect((await astro(list, { api: limited })).stderr).toContain('Wait 2 s before the next try.');
    const fieldErrors = [{ code: 'too_long', field: 'name', message: 'at most 256 characters' }];
    const strict = await startApi({ 'GET /tokens': { status: 400, body: { message: 'The request is not valid', fieldErrors } } });
    expect((await astro(list, { api: strict })).stderr).toContain('  name: at most 256 characters\n');
  });

  test('silent: the call ends after its time', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // listening on TCP
    const call = send({ method: 'GET', url: `http://localhost:${port}/`, headers: {}, timeoutMs: 20 });
    await expect(call).rejects.toThrow('no answer within 0.02 s');
    server.closeAllConnections();
    server.close();
  });
});
