import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { GatewayEnrolment } from '@astrolabe/contract';
import { Command } from 'commander';
import type { Api } from '../../api.ts';
import type { Context } from '../../context.ts';
import { CliError } from '../../exit.ts';
import { allFlags, id } from '../../flags.ts';
import { makePrivateFolder, openPrivateFile, type PendingFile } from '../../private-files.ts';
import { parseAddress } from '../../server-address.ts';
import { printJson } from '../../table.ts';
import { readAirflowCredential, readEnrolment } from './enrolment.ts';

export interface EnrolOptions {
  readonly deploymentId: string;
  readonly airflowUrl: string;
  readonly airflowCredential: string;
  readonly gatewayUrl: string;
  readonly data?: string;
  readonly name?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function enrolCommand(context: Context, run = enrolGateway): Command {
  return new Command('enrol')
    .aliases(['enroll'])
    .description('Put the gateway on this machine in front of the Airflow of a Deployment')
    .requiredOption('--deployment-id <id>', 'the Deployment; astro deployment list shows the ids', deploymentId)
    .requiredOption('--airflow-url <url>', 'where the gateway reaches Airflow, without /api/v2', airflowUrl)
    .requiredOption('--airflow-credential <file>', 'gateway-credential.json of astrolabe airflow prepare')
    .option(
      '--gateway-url <url>',
      'where callers reach the gateway',
      (text) => parseAddress(text, '--gateway-url'),
      'http://127.0.0.1:8889',
    )
    .option('--data <folder>', 'the data folder of the gateway (default: ASTROLABE_DATA, ./data)')
    .option('--name <name>', 'name of the agent token (default: the machine and the time)')
    .option('-f, --force', 'make a new agent token and replace what is there, even that of another Deployment')
    .option('--json', 'print what was done as JSON')
    .action((_flags, command: Command) => run(context, allFlags<EnrolOptions>(command)));
}

/**
 * Agent token, file, address at the server, in this order. Run again after a failure it keeps what is there and goes on,
 * so nothing that was shown once is lost.
 */
export async function enrolGateway(context: Context, o: EnrolOptions): Promise<void> {
  const airflowCredential = readAirflowCredential(o.airflowCredential);
  const folder = join(dataFolder(context, o.data), 'gateway');
  const api = await context.signIn();
  const path = join(folder, 'gateway.json');
  makePrivateFolder(folder);
  const kept = o.force ? undefined : reusable(path, api, o.deploymentId);
  const file = openPrivateFile(path);
  const agent = kept ? { agentToken: kept.agentToken, tokenId: undefined } : await createAgentToken(context, api, o, file);
  await writeEnrolment(api, o, file, agent.tokenId, {
    version: 1,
    deploymentId: o.deploymentId,
    organizationId: api.organizationId,
    serverUrl: serverUrlForGateway(api.address),
    agentToken: agent.agentToken,
    airflowUrl: o.airflowUrl,
    airflowCredential,
  });
  await tellServer(api, o, path);
  if (o.json)
    return printJson(context.io, { deploymentId: o.deploymentId, agentTokenId: agent.tokenId, gatewayUrl: o.gatewayUrl, file: path });
  context.io.print(`The gateway of Deployment ${o.deploymentId} is enrolled: ${path}`);
  if (kept) context.io.note('The agent token that was there already is kept; --force makes a new one.');
  context.io.note(nextSteps(o));
}

/** One that nobody named must be there already: a gateway elsewhere would never see what is written to a new one. */
function dataFolder({ env }: Context, data: string | undefined): string {
  const named = data ?? (env.ASTROLABE_DATA || undefined);
  const folder = resolve(named ?? 'data');
  if (named !== undefined || existsSync(folder)) return folder;
  throw new CliError(
    `there is no data folder ${folder}`,
    'Run this in the folder where npm start or npm run gateway ran, or name the data folder of the gateway with --data.',
  );
}

/** An earlier enrolment for the same Deployment at the same server, whose agent token can go on. */
function reusable(path: string, api: Api, deployment: string): GatewayEnrolment | undefined {
  const earlier = readEnrolment(path);
  if (!earlier) return undefined;
  if (earlier.deploymentId !== deployment) {
    throw new CliError(
      `${path} enrols this gateway for Deployment ${earlier.deploymentId}`,
      'A gateway serves one Deployment. Give another --data folder, or add --force to put this one in its place.',
    );
  }
  const isSame = earlier.organizationId === api.organizationId && earlier.serverUrl === serverUrlForGateway(api.address);
  return isSame ? earlier : undefined;
}

async function createAgentToken(
  { now }: Context,
  api: Api,
  o: EnrolOptions,
  file: PendingFile,
): Promise<{ agentToken: string; tokenId: string }> {
  const name = o.name ?? `gateway ${hostname()} ${new Date(now()).toISOString()}`.slice(0, 256);
  try {
    const issued = await api.createAgentToken(o.deploymentId, { name, description: `Gateway at ${o.gatewayUrl}`.slice(0, 500) });
    return { agentToken: issued.token, tokenId: issued.id };
  } catch (error) {
    file.discard();
    throw withNext(error, 'Nothing was changed on this machine. Put right what is said above and run the same command again.');
  }
}

/** An agent token that could not be kept is deleted, so that none lives whose value nobody has. */
async function writeEnrolment(
  api: Api,
  o: EnrolOptions,
  file: PendingFile,
  tokenId: string | undefined,
  enrolment: GatewayEnrolment,
): Promise<void> {
  try {
    file.finish(`${JSON.stringify(enrolment, undefined, 2)}\n`);
  } catch (error) {
    if (tokenId === undefined) throw error;
    const isDeleted = await api.deleteAgentToken(o.deploymentId, tokenId).then(
      () => true,
      () => false,
    );
    const fate = isDeleted
      ? `Agent token ${tokenId} was made and deleted again.`
      : `Agent token ${tokenId} was made and could not be deleted: delete it.`;
    throw withNext(error, `${fate} Then run the same command again.`);
  }
}

async function tellServer(api: Api, o: EnrolOptions, path: string): Promise<void> {
  try {
    await api.setGateway(o.deploymentId, { gatewayUrl: o.gatewayUrl });
  } catch (error) {
    throw withNext(
      error,
      `Done: ${path} is written, and the gateway works with it.\nNot done: the server does not know yet that callers reach it at ${o.gatewayUrl}.\nTo go on, run the same command again; it keeps the agent token that is there.`,
    );
  }
}

function withNext(error: unknown, next: string): unknown {
  if (!(error instanceof CliError)) return error;
  return new CliError(error.message, [error.next, next].filter(Boolean).join('\n'), { cause: error });
}

/** The gateway must reach the very server that was asked here, not what else `localhost` may mean. */
function serverUrlForGateway(address: string): string {
  return address.replace('://localhost', '://127.0.0.1');
}

function nextSteps({ deploymentId: deployment, gatewayUrl }: EnrolOptions): string {
  return [
    `The gateway at ${gatewayUrl} takes it up by itself. Next:`,
    `  TOKEN=$(astro deployment token create --deployment-id=${deployment} -n first -r DEPLOYMENT_ADMIN -e 30 -c)`,
    `  curl -H "Authorization: Bearer $TOKEN" ${gatewayUrl}/api/v2/dags`,
  ].join('\n');
}

function deploymentId(text: string): string {
  const value = id(text);
  if (/^c[0-9a-z]{24}$/.test(value)) return value;
  throw new CliError(
    `--deployment-id ${text} is not an id`,
    'Ids are 25 characters and begin with c. To see them, run: astro deployment list --all',
  );
}

function airflowUrl(text: string): string {
  return parseAddress(text, '--airflow-url').replace(/\/api\/v\d+$/, '');
}
