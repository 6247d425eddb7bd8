/** Options → calls and output of `astro organization …` and `astro workspace …`. */
import { describe, expect, test } from 'vitest';
import { astro, organizationId, page, startApi, token, workspaceId } from '../../test-support.ts';

const workspaces = page('workspaces', [
  { id: 'w0', name: 'other' },
  { id: workspaceId, name: 'data' },
]);
const plain = ' NAME      ID                            \n other     w0                            \n';

describe('workspace', () => {
  test.each([
    ['a terminal', [], true, `${plain}\u001b[1;32m data      ${workspaceId}     \u001b[0m\n`],
    ['a pipe', [], false, `${plain} data      ${workspaceId}     \n`],
    ['tsv', ['-o', 'tsv'], false, `NAME\tID\nother\tw0\ndata\t${workspaceId}\n`],
  ])('list to %s', async (_name, flags, isTerminal, stdout) => {
    const api = await startApi({ 'GET /workspaces': workspaces });
    expect(await astro(['workspace', 'list', ...flags], { api, isTerminal })).toMatchObject({ code: 0, stdout });
    expect(api.calls()).toEqual(['GET /workspaces?sorts=name%3Aasc&limit=1000&offset=0']);
  });

  test('list as JSON says which one is that of the token', async () => {
    const { stdout } = await astro(['workspace', 'list', '--json'], { api: await startApi({ 'GET /workspaces': workspaces }) });
    expect(JSON.parse(stdout)).toEqual({
      workspaces: [
        { name: 'other', id: 'w0', isCurrent: false },
        { name: 'data', id: workspaceId, isCurrent: true },
      ],
    });
  });

  test('create', async () => {
    const api = await startApi({ 'POST /workspaces': { body: { id: 'w1', name: 'ml' } } });
    const create = ['workspace', 'create', '-n', 'ml', '-e', 'ON'];
    expect(await astro(create, { api })).toMatchObject({ code: 0, stdout: 'Astro Workspace ml was successfully created\n' });
    expect(api.asked[0]?.body).toEqual({ name: 'ml', description: '', cicdEnforcedDefault: true });
    expect(await astro([...create, '-c'], { api })).toMatchObject({ stdout: 'w1\n' });
    expect(await astro(['workspace', 'create'], { api })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Error: no name provided for the workspace. Retry with a valid name\n'),
    });
    expect(await astro([...create, '-e', 'MAYBE'], { api })).toMatchObject({ code: 1 });
  });
});

describe('organization', () => {
  test('list', async () => {
    const api = await startApi({ 'GET /organizations': page('organizations', [{ id: organizationId, name: 'Acme', product: 'HOSTED' }]) });
    expect(JSON.parse((await astro(['organization', 'list', '--json'], { api })).stdout)).toEqual({
      organizations: [{ name: 'Acme', id: organizationId, isCurrent: true }],
    });
    expect(api.calls()).toEqual(['GET /organizations?limit=100&offset=0']);
  });

  test('token list shows those of the organization alone', async () => {
    const roles = [{ entityType: 'ORGANIZATION', entityId: organizationId, role: 'ORGANIZATION_OWNER' }];
    const api = await startApi({ 'GET /tokens': page('tokens', [token({ scope: 'ORGANIZATION', roles })]) });
    expect((await astro(['organization', 'token', 'list'], { api })).stdout).toMatch(/ORGANIZATION ROLE .*\n.* ORGANIZATION_OWNER /);
    expect(api.calls()).toEqual(['GET /tokens?includeOnlyOrganizationTokens=true&limit=100&offset=0']);
  });

  test('token create: no entity, a role from the list, the value', async () => {
    const api = await startApi({ 'POST /tokens': { body: token({ token: 'v' }) } });
    const create = ['organization', 'token', 'create', '-n', 'ci', '-c'];
    expect(await astro([...create, '-r', 'ORGANIZATION_MEMBER'], { api })).toMatchObject({ code: 0, stdout: 'v\n' });
    expect(api.asked[0]?.body).toEqual({ name: 'ci', description: '', role: 'ORGANIZATION_MEMBER', scope: 'ORGANIZATION' });
    const picked = await astro(create, { api, input: '3\n' });
    expect(picked.stderr).toContain('select a Organization Role for the new API token:\n #     ROLE ');
    expect(api.asked[1]?.body).toMatchObject({ role: 'ORGANIZATION_OWNER' });
    expect(await astro([...create, '-r', 'OWNER'], { api })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'requested role is invalid. Possible values are ORGANIZATION_MEMBER, ORGANIZATION_BILLING_ADMIN and ORGANIZATION_OWNER ',
      ),
    });
  });
});
