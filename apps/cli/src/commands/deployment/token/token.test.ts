/** Options → calls and output of `astro deployment token …`. */
import { describe, expect, test } from 'vitest';
import {
  apiToken,
  astro,
  deploymentId,
  organizationId,
  page,
  problem,
  startApi,
  token,
  tokenId,
  workspaceId,
} from '../../../test-support.ts';

const at = `--deployment-id=${deploymentId}`;
const value = 'eyJ.new.value';
const issued = { body: token({ token: value }) };
const role = { entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' };
const shown = (verb: string): string =>
  `\nAstro Deployment API token My token was successfully ${verb}\nCopy and paste this API token for your records.\n\n${value}\n\nYou will not be shown this API token value again.\n`;

describe('list', () => {
  const rows = [
    token(),
    token({
      id: 'cm0tok0000000000000000002',
      name: 'org wide',
      description: '',
      scope: 'ORGANIZATION',
      roles: [{ entityType: 'ORGANIZATION', entityId: organizationId, role: 'ORGANIZATION_MEMBER' }],
      createdAt: '2026-11-26T11:59:30Z',
      createdBy: { id: 'x', apiTokenName: 'terraform' },
    }),
  ];
  const table =
    ' ID                            NAME         DESCRIPTION     SCOPE            DEPLOYMENT ROLE      CREATED        CREATED BY     \n' +
    ' cm0tok0000000000000000001     My token     for CI          DEPLOYMENT       DEPLOYMENT_ADMIN     3 days ago     Ada L          \n' +
    ' cm0tok0000000000000000002     org wide                     ORGANIZATION                          Just now       terraform      \n';
  const tsv =
    'ID\tNAME\tDESCRIPTION\tSCOPE\tDEPLOYMENT ROLE\tCREATED\tCREATED BY\n' +
    'cm0tok0000000000000000001\tMy token\tfor CI\tDEPLOYMENT\tDEPLOYMENT_ADMIN\t2026-11-23T11:00:00Z\tAda L\n' +
    'cm0tok0000000000000000002\torg wide\t\tORGANIZATION\t\t2026-11-26T11:59:30Z\tterraform\n';

  test.each([
    ['a terminal', [], true, table],
    ['a pipe', [], false, table],
    ['--json', ['--json'], false, `${JSON.stringify({ tokens: rows }, undefined, 2)}\n`],
    ['--output tsv', ['--output', 'tsv'], false, tsv],
  ])('to %s', async (_name, flags, isTerminal, stdout) => {
    const api = await startApi({ 'GET /tokens': page('tokens', rows) });
    expect(await astro(['deployment', 'token', 'list', at, ...flags], { api, isTerminal })).toEqual({
      code: 0,
      stdout,
      stderr: 'Using an Astro API Token\n',
    });
    expect(api.calls()).toEqual([`GET /tokens?deploymentId=${deploymentId}&limit=100&offset=0`]);
  });

  test('empty is success, with the header line', async () => {
    const api = await startApi({ 'GET /tokens': page('tokens', []) });
    const { code, stdout } = await astro(['deployment', 'token', 'list', at], { api });
    expect([code, stdout.trim()]).toEqual([0, expect.stringMatching(/^ID +NAME .*CREATED BY$/)]);
  });

  test('every page is read, and a count that is too high ends with an empty page', async () => {
    const api = await startApi({
      'GET /tokens': ({ path }) => ({ body: { tokens: path.includes('offset=0') ? [token()] : [], totalCount: 9 } }),
    });
    const { stdout } = await astro(['deployment', 'token', 'list', at, '--json'], { api });
    expect(JSON.parse(stdout).tokens).toHaveLength(1);
    expect(api.calls().map((call) => call.replace(/.*offset=/, ''))).toEqual(['0', '1']);
  });

  test('escape sequences in names do not reach the terminal', async () => {
    const api = await startApi({ 'GET /tokens': page('tokens', [token({ name: 'a\u001b[2Jb\nc' })]) });
    expect((await astro(['deployment', 'token', 'list', at], { api })).stdout).toContain(' a[2Jb c ');
  });
});

describe('create', () => {
  const routes = { 'POST /tokens': issued };
  const all = ['-n', 'My token', '-d', 'for CI', '-r', 'DEPLOYMENT_ADMIN', '-e', '30', at];

  test.each([
    ['sentences for people', [], shown('created')],
    ['L-04 the value and nothing else with -c', ['-c'], `${value}\n`],
    ['the object with --json', ['--json'], `${JSON.stringify(token({ token: value }), undefined, 2)}\n`],
  ])('one call, then %s', async (_name, flags, stdout) => {
    const api = await startApi(routes);
    expect(await astro(['deployment', 'token', 'create', ...all, ...flags], { api })).toMatchObject({ code: 0, stdout });
    expect(api.calls()).toEqual(['POST /tokens']);
    expect(api.asked[0]?.body).toEqual({
      name: 'My token',
      description: 'for CI',
      role: 'DEPLOYMENT_ADMIN',
      scope: 'DEPLOYMENT',
      entityId: deploymentId,
      tokenExpiryPeriodInDays: 30,
    });
    expect(api.asked[0]?.headers.authorization).toBe(`Bearer ${apiToken()}`);
  });

  test('asks for name and role, and several piped lines answer', async () => {
    const api = await startApi(routes);
    const { code, stderr } = await astro(['deployment', 'token', 'create', at], { api, input: 'ci\nDEPLOYMENT_ADMIN\n' });
    expect(code).toBe(0);
    expect(stderr).toContain('Enter a name for the new Deployment API token: ');
    expect(stderr).toContain('(Possible values are DEPLOYMENT_ADMIN or a custom role name): ');
    expect(api.asked[0]?.body).toEqual({
      name: 'ci',
      description: '',
      role: 'DEPLOYMENT_ADMIN',
      scope: 'DEPLOYMENT',
      entityId: deploymentId,
    });
  });

  test('no name, no role: nothing is sent', async () => {
    const api = await startApi(routes);
    const create = ['deployment', 'token', 'create', at];
    expect((await astro(create, { api })).stderr).toContain('Error: no name provided for the deployment token. Retry with a valid name\n');
    expect((await astro([...create, '-n', 'x'], { api })).stderr).toContain('Error: no role provided for the deployment token\n');
    expect(api.asked).toEqual([]);
  });

  test('--kind direct-access goes along with its end', async () => {
    const api = await startApi(routes);
    await astro(['deployment', 'token', 'create', ...all, '--kind', 'direct-access'], { api });
    expect(api.asked[0]?.body).toMatchObject({ kind: 'DIRECT_ACCESS', tokenExpiryPeriodInDays: 30 });
  });

  test('--expiration 0 means that it does not expire', async () => {
    const api = await startApi(routes);
    await astro(['deployment', 'token', 'create', at, '-n', 'x', '-r', 'y', '-e', '0'], { api });
    expect(api.asked[0]?.body).not.toHaveProperty('tokenExpiryPeriodInDays');
  });

  test.each([
    [['-e', '366'], '--expiration 366 is not between 1 and 365 days'],
    [['-e', '-1'], '--expiration -1 is not between 1 and 365 days'],
    [['-e', '1.5'], '--expiration 1.5 is not between 1 and 365 days'],
    [['--kind', 'direct-access'], 'a direct access token must end'],
    [['--kind', 'x'], '--kind x is not a kind of token'],
  ])('%j ends with what to do, and nothing is sent', async (flags, message) => {
    const api = await startApi(routes);
    const ended = await astro(['deployment', 'token', 'create', '-n', 'x', '-r', 'y', at, ...flags], { api });
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(`^Error: ${message}\n.*Give `) });
    expect(api.asked).toEqual([]);
  });

  test('a taken name is the 409 of the server, with its request id', async () => {
    const api = await startApi({ 'POST /tokens': problem('name_taken', 'token cm0x already has the name "ci"') });
    expect(await astro(['deployment', 'token', 'create', ...all], { api })).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'Using an Astro API Token\nError: token cm0x already has the name "ci"\nThe name is taken.\nRequest b4b0f5de-0000-4000-8000-000000000000, status 409, name_taken.\n',
    });
  });

  test('F-04 values are opaque: 4 KiB of anything go in and come out as they are', async () => {
    const mine = apiToken({ permissions: [`organizationId:${organizationId}`] }, '~!@#$%^&*()_+/='.repeat(240));
    const theirs = 'ß→'.repeat(819);
    expect(mine.length).toBeGreaterThan(3700);
    expect(Buffer.byteLength(theirs)).toBeGreaterThan(4090);
    const api = await startApi({ 'POST /tokens': { body: token({ token: theirs }) } });
    const ended = await astro(['deployment', 'token', 'create', ...all, '-c'], { api, env: { ASTRO_API_TOKEN: mine } });
    expect(ended).toMatchObject({ code: 0, stdout: `${theirs}\n` });
    expect(api.asked[0]?.headers.authorization).toBe(`Bearer ${mine}`);
  });

  test('an answer without a value is no success', async () => {
    const api = await startApi({ 'POST /tokens': { body: token() } });
    expect(await astro(['deployment', 'token', 'create', ...all], { api })).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('rotate', () => {
  const routes = { [`GET /tokens/${tokenId}`]: { body: token() }, [`POST /tokens/${tokenId}/rotate`]: issued };
  const rotate = ['deployment', 'token', 'rotate', at];

  test('by id, forced and clean: one look, one rotation without a body, the value alone', async () => {
    const api = await startApi(routes);
    expect(await astro([...rotate, tokenId.toUpperCase(), '-f', '-c'], { api })).toMatchObject({ code: 0, stdout: `${value}\n` });
    expect(api.calls()).toEqual([`GET /tokens/${tokenId}`, `POST /tokens/${tokenId}/rotate`]);
    expect(api.asked[1]?.body).toBeUndefined();
    expect(api.asked[1]?.headers).not.toHaveProperty('content-type');
  });

  test('by name it asks, y is yes', async () => {
    const api = await startApi({ ...routes, 'GET /tokens': page('tokens', [token(), token({ id: 'other', name: 'my token' })]) });
    const ended = await astro([...rotate, '--name', 'My token'], { api, input: 'y\n' });
    expect(ended).toMatchObject({ code: 0, stdout: shown('rotated') });
    expect(ended.stderr).toContain('WARNING: API Token rotation will invalidate the current token and cannot be undone.');
    expect(ended.stderr).toContain('\nAre you sure you want to rotate the My token API token? (y/n) ');
  });

  test.each([
    ['n\n', [], 'Canceling token rotation\n'],
    ['yes\n', [], 'Canceling token rotation\n'],
    ['n\n', ['-c'], ''],
    ['n\n', ['--json'], ''],
  ])('the answer %j with %j declines: exit 0, and nothing is rotated', async (input, flags, stdout) => {
    const api = await startApi(routes);
    expect(await astro([...rotate, tokenId, ...flags], { api, input })).toMatchObject({ code: 0, stdout });
    expect(api.calls()).toEqual([`GET /tokens/${tokenId}`]);
  });

  test('with nobody to ask it fails and names --force', async () => {
    const api = await startApi(routes);
    expect(await astro([...rotate, tokenId], { api })).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--force') });
  });

  test('a token of the organization is refused here', async () => {
    const api = await startApi({ [`GET /tokens/${tokenId}`]: { body: token({ scope: 'ORGANIZATION' }) } });
    const { code, stderr } = await astro([...rotate, tokenId, '-f'], { api });
    expect([code, stderr]).toEqual([1, expect.stringContaining('Error: the token selected is not of the type you are trying to modify\n')]);
  });

  test('a token of another Deployment is refused, and its Deployment named', async () => {
    const other = { entityType: 'DEPLOYMENT', entityId: 'cm0dep0000000000000000002', role: 'DEPLOYMENT_ADMIN' };
    const api = await startApi({ [`GET /tokens/${tokenId}`]: { body: token({ roles: [other] }) } });
    const { code, stderr } = await astro([...rotate, tokenId, '-f'], { api });
    expect([code, stderr]).toEqual([1, expect.stringContaining('--deployment-id=cm0dep0000000000000000002')]);
  });
});

describe('look-up', () => {
  const two = [token(), token({ id: 'cm0tok0000000000000000002', scope: 'WORKSPACE' })];
  const routes = {
    'GET /tokens': page('tokens', two),
    [`POST /tokens/${tokenId}/rotate`]: issued,
  };
  const rotate = ['deployment', 'token', 'rotate', at, '-f', '-c'];

  test('a name that fits two tokens opens the picker on a terminal', async () => {
    const api = await startApi(routes);
    const ended = await astro([...rotate, '-t', 'My token'], { api, input: '1\n', isTerminal: true });
    expect(ended).toMatchObject({ code: 0, stdout: `${value}\n` });
    expect(ended.stderr).toContain('\nThere are more than one API tokens with name My token. Please select an API token:\n #     ID ');
  });

  test('and is an error that lists the ids elsewhere, even when lines are piped in', async () => {
    const api = await startApi(routes);
    const { code, stderr } = await astro([...rotate, '-t', 'My token'], { api, input: '1\n' });
    expect(code).toBe(1);
    for (const { id } of two) expect(stderr).toContain(String(id));
  });

  test('with neither id nor name the picker opens; no number of it is an error', async () => {
    const api = await startApi(routes);
    expect(await astro(rotate, { api, input: '1\n' })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Please select the Deployment API token:'),
    });
    expect(await astro(rotate, { api, input: '3\n' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('invalid Deployment API token selection'),
    });
  });

  test('a name that nothing has', async () => {
    const api = await startApi(routes);
    const text = 'Error: no Deployment API token was found for the API token name you provided\n';
    expect(await astro([...rotate, '-t', 'MY TOKEN'], { api })).toMatchObject({ code: 1, stderr: expect.stringContaining(text) });
  });

  test('an unknown id is what the server says', async () => {
    const api = await startApi({ 'GET /tokens/nope': problem('token_not_found') });
    const text = 'Error: There is no such token that the caller may see\n';
    expect(await astro([...rotate, 'nope'], { api })).toMatchObject({ code: 1, stderr: expect.stringContaining(text) });
  });

  test('L-04 a value where an id belongs is not sent anywhere and not repeated', async () => {
    const api = await startApi(routes);
    const ended = await astro([...rotate, apiToken()], { api });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('this is the value of a token, not its id') });
    expect(ended.stderr).not.toContain(apiToken());
    expect(api.asked).toEqual([]);
  });
});

describe('update', () => {
  const update = ['deployment', 'token', 'update', at];
  const routes = {
    [`GET /tokens/${tokenId}`]: { body: token() },
    'GET /tokens': page('tokens', [token()]),
    [`POST /tokens/${tokenId}`]: { body: token() },
    [`POST /tokens/${tokenId}/roles`]: { body: {} },
  };
  const done = { code: 0, stdout: 'Astro Deployment API token My token was successfully updated\n' };

  test('the role it already has is a success without a role call', async () => {
    const api = await startApi(routes);
    expect(await astro([...update, tokenId, '--role=DEPLOYMENT_ADMIN'], { api })).toMatchObject(done);
    expect(api.calls()).toEqual([`GET /tokens/${tokenId}`]);
  });

  test('a new name keeps the description, and no role is written', async () => {
    const api = await startApi(routes);
    expect(await astro([...update, '--name=My token', '--new-name', 'Ours'], { api })).toMatchObject(done);
    expect(api.calls().slice(1)).toEqual([`POST /tokens/${tokenId}`]);
    expect(api.asked[1]?.body).toEqual({ name: 'Ours', description: 'for CI' });
  });

  test('a new role replaces the one on this Deployment and nothing else', async () => {
    const dag = { entityType: 'DAG', entityId: 'a', role: 'DAG_VIEWER', deploymentId };
    const api = await startApi({ ...routes, [`GET /tokens/${tokenId}`]: { body: token({ roles: [role, dag] }) } });
    await astro([...update, tokenId, '-r', 'custom'], { api });
    expect(api.calls().at(-1)).toBe(`POST /tokens/${tokenId}/roles`);
    expect(api.asked.at(-1)?.body).toEqual({ roles: [dag, { ...role, role: 'custom' }] });
  });

  test('nothing to change is a mistake in the command line', async () => {
    expect(await astro([...update, tokenId])).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing to change') });
  });
});

describe('delete', () => {
  const remove = ['deployment', 'token', 'delete', at, tokenId];

  test('asks, then deletes', async () => {
    const api = await startApi({ [`GET /tokens/${tokenId}`]: { body: token() }, [`DELETE /tokens/${tokenId}`]: { status: 204 } });
    const ended = await astro(remove, { api, input: 'y\n' });
    expect(ended).toMatchObject({ code: 0, stdout: 'Astro Deployment API token My token was successfully deleted\n' });
    expect(ended.stderr).toContain(
      'WARNING: API token deletion cannot be undone.\n\nAre you sure you want to delete the My token API token? (y/n) ',
    );
    expect(await astro(remove, { api, input: 'n\n' })).toMatchObject({ code: 0, stdout: 'Canceling API Token deletion\n' });
    expect(api.calls().filter((call) => call.startsWith('DELETE'))).toHaveLength(1);
  });

  test('a token of a wider scope is only removed from the Deployment, with its Dag roles there', async () => {
    const home = { entityType: 'WORKSPACE', entityId: workspaceId, role: 'WORKSPACE_MEMBER' };
    const dag = { entityType: 'DAG', entityId: 'a', role: 'DAG_VIEWER', deploymentId };
    const api = await startApi({
      [`GET /tokens/${tokenId}`]: { body: token({ scope: 'WORKSPACE', roles: [home, role, dag] }) },
      [`POST /tokens/${tokenId}/roles`]: { body: {} },
    });
    expect(await astro(remove, { api, input: 'n\n' })).toMatchObject({ code: 0, stdout: 'Canceling API Token removal\n' });
    expect(await astro([...remove, '-f'], { api })).toMatchObject({
      code: 0,
      stdout: 'Astro API token My token was successfully removed from the Deployment\n',
    });
    expect(api.asked.at(-1)?.body).toEqual({ roles: [home] });
  });
});

test('without --deployment-id: the sentence scripts know, then the usage, exit 1', async () => {
  const { code, stdout, stderr } = await astro(['deployment', 'token', 'list']);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^Error: required flag --deployment-id not set\. To find valid values, run: astro deployment list\n\nUsage: astro deployment token list/,
  );
});
