/** What is typed → what a command is asked to do. */
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { mountAirflow } from './commands/airflow/airflow.ts';
import { mountDeployment } from './commands/deployment/deployment.ts';
import { mountGateway } from './commands/gateway/gateway.ts';
import { mountOrganization } from './commands/organization/organization.ts';
import { mountWorkspace } from './commands/workspace/workspace.ts';
import type { Context } from './context.ts';
import { mount } from './flags.ts';
import { fromGoFlags } from './go-flags.ts';

const cuid = 'clukapi6r000008l58530cg8i';
const id = 'cm0tok0000000000000000001';

const lines: readonly (readonly [line: string, command: string, options: object])[] = [
  // the lines of the issue
  [`deployment token create --deployment-id=${cuid}`, 'token create', { deploymentId: cuid }],
  [
    `deployment token create -n "My token" -d "for CI" -r DEPLOYMENT_ADMIN -e 30 -c --deployment-id=${cuid}`,
    'token create',
    { deploymentId: cuid, name: 'My token', description: 'for CI', role: 'DEPLOYMENT_ADMIN', expiration: 30, cleanOutput: true },
  ],
  [
    `deployment token rotate ${id} --deployment-id=${cuid} -f -c`,
    'token rotate',
    { deploymentId: cuid, tokenId: id, force: true, cleanOutput: true },
  ],
  [`deployment token rotate --deployment-id=${cuid} --name "My token"`, 'token rotate', { deploymentId: cuid, name: 'My token' }],
  [
    `deployment token update ${id} --deployment-id=${cuid} --role=DEPLOYMENT_ADMIN`,
    'token update',
    { deploymentId: cuid, tokenId: id, role: 'DEPLOYMENT_ADMIN' },
  ],
  [
    `deployment token update --deployment-id=${cuid} --name="My token" --new-name "Ours"`,
    'token update',
    { deploymentId: cuid, name: 'My token', newName: 'Ours' },
  ],
  // flags of a group stand anywhere behind it
  [`deployment token --deployment-id ${cuid} list`, 'token list', { deploymentId: cuid }],
  [`deployment --workspace-id w1 token list --deployment-id ${cuid}`, 'token list', { deploymentId: cuid, workspaceId: 'w1' }],
  [
    `--api-url http://localhost:1 deployment token list --deployment-id ${cuid}`,
    'token list',
    { deploymentId: cuid, apiUrl: 'http://localhost:1' },
  ],
  [
    `deployment token list --deployment-id ${cuid} --api-url http://localhost:1`,
    'token list',
    { deploymentId: cuid, apiUrl: 'http://localhost:1' },
  ],
  // aliases
  [`de to ls --deployment-id ${cuid}`, 'token list', { deploymentId: cuid }],
  [
    `deployments to cr --deployment-id ${cuid} --kind direct-access -e 1`,
    'token create',
    { deploymentId: cuid, kind: 'DIRECT_ACCESS', expiration: 1 },
  ],
  [`de to ro --deployment-id ${cuid} -t x -f`, 'token rotate', { deploymentId: cuid, name: 'x', force: true }],
  [
    `de to up --deployment-id ${cuid} -t x -n y -d z -r r`,
    'token update',
    { deploymentId: cuid, name: 'x', newName: 'y', description: 'z', role: 'r' },
  ],
  [`de to de --deployment-id ${cuid} -t x -f`, 'token delete', { deploymentId: cuid, name: 'x', force: true }],
  // ids are lower case at the server
  [
    `deployment token delete ${id.toUpperCase()} --deployment-id=${cuid.toUpperCase()}`,
    'token delete',
    { deploymentId: cuid, tokenId: id },
  ],
  // spellings of Go
  [
    `deployment token rotate -t=x --force=true --clean-output=false --deployment-id=${cuid}`,
    'token rotate',
    { deploymentId: cuid, name: 'x', force: true },
  ],
  ['deployment list --all=true', 'list', { all: true }],
  // output
  [`deployment token list --deployment-id ${cuid} --json`, 'token list', { deploymentId: cuid, json: true }],
  [`deployment token list --deployment-id ${cuid} -o tsv`, 'token list', { deploymentId: cuid, output: 'tsv' }],
  // Deployments
  ['deployment list', 'list', {}],
  ['deployment list --workspace-id W1 -a', 'list', { workspaceId: 'w1', all: true }],
  [
    'deployment create -n prod -d text -w w1 --airflow-url http://airflow:8080/',
    'create',
    { name: 'prod', description: 'text', workspaceId: 'w1', airflowUrl: 'http://airflow:8080' },
  ],
  [`deployment inspect ${cuid} -o json -k metadata.status`, 'inspect', { deploymentId: cuid, output: 'json', key: 'metadata.status' }],
  ['deployment inspect -n prod', 'inspect', { deploymentName: 'prod' }],
  ['deployment delete -n prod -f', 'delete', { deploymentName: 'prod', force: true }],
  // workspaces and the organization
  ['workspace list --json', 'workspace list', { json: true }],
  ['wo cr -n data -d text -e ON', 'workspace create', { name: 'data', description: 'text', enforceCicd: 'ON' }],
  ['organization list', 'organization list', {}],
  ['org to ls', 'organization token list', {}],
  [
    'organization token create -n ci -r ORGANIZATION_OWNER -e 365 -c --organization-id x',
    'organization token create',
    { name: 'ci', role: 'ORGANIZATION_OWNER', expiration: 365, cleanOutput: true, organizationId: 'x' },
  ],
  // our own
  [
    `gateway enrol --deployment-id ${cuid} --airflow-url http://127.0.0.1:8080/api/v2/ --airflow-credential f`,
    'gateway enrol',
    { deploymentId: cuid, airflowUrl: 'http://127.0.0.1:8080', airflowCredential: 'f', gatewayUrl: 'http://127.0.0.1:8889' },
  ],
  ['airflow prepare --out /tmp/x', 'airflow prepare', { out: '/tmp/x', way: 'own-key' }],
  ['airflow prepare --out x --way shared-secret --force', 'airflow prepare', { out: 'x', way: 'shared-secret', force: true }],
];

describe('command line → options', () => {
  test.each(lines)('astro %s', async (line, command, options) => {
    expect(await parse(words(line))).toEqual([{ command, options }]);
  });
});

/** Splits as a shell does, as far as these lines need it. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));
}

async function parse(argv: readonly string[]): Promise<object[]> {
  const taken: object[] = [];
  const take = (command: string) => async (_context: Context, options: object) => {
    taken.push({ command, options });
  };
  const context: Context = { io: undefined as never, env: {}, now: () => 0, signIn: () => Promise.reject(new Error('not here')) }; // no command runs
  const program = new Command('astro').exitOverride().option('--api-url <url>');
  const group = (name: string, ...aliases: string[]): Command => mount(program, new Command(name).aliases(aliases));
  mountDeployment(group('deployment', 'de', 'deployments'), context, {
    list: take('list'),
    create: take('create'),
    inspect: take('inspect'),
    delete: take('delete'),
    token: {
      list: take('token list'),
      create: take('token create'),
      update: take('token update'),
      rotate: take('token rotate'),
      delete: take('token delete'),
    },
  });
  mountWorkspace(group('workspace', 'wo'), context, { list: take('workspace list'), create: take('workspace create') });
  mountOrganization(group('organization', 'org'), context, {
    list: take('organization list'),
    listTokens: take('organization token list'),
    createToken: take('organization token create'),
  });
  mountGateway(group('gateway'), context, take('gateway enrol'));
  mountAirflow(group('airflow'), context, take('airflow prepare'));
  await program.parseAsync(fromGoFlags(argv), { from: 'user' });
  return taken;
}
