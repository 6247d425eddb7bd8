import { Command, Option } from 'commander';
import type { Context } from '../../context.ts';
import { CliError } from '../../exit.ts';
import { allFlags, id } from '../../flags.ts';
import { findWorkspaceId } from '../../look-up.ts';
import { parseAddress } from '../../server-address.ts';
import { printJson, tableLines } from '../../table.ts';
import { oneLine } from '../../text.ts';
import { deploymentColumns } from './list.ts';

export interface CreateOptions {
  readonly name?: string;
  readonly description?: string;
  readonly workspaceId?: string;
  readonly airflowUrl?: string;
  readonly cleanOutput?: boolean;
  readonly json?: boolean;
}

export function createCommand(context: Context, run = createDeployment): Command {
  return new Command('create')
    .alias('cr')
    .description('Register an Airflow that runs somewhere as a Deployment')
    .option('-n, --name <name>', 'name of the Deployment')
    .option('-d, --description <text>', 'what it is for')
    .option('-w, --workspace-id <id>', 'the workspace it belongs to; otherwise that of the token, or the only one', id)
    .option('--airflow-url <url>', 'where people find its Airflow, for links', (text) => parseAddress(text, '--airflow-url'))
    .option('--clean-output', 'print the id and nothing else')
    .addOption(new Option('--json', 'print the Deployment as JSON').conflicts('cleanOutput'))
    .action((_flags, command: Command) => run(context, allFlags<CreateOptions>(command)));
}

export async function createDeployment(context: Context, o: CreateOptions): Promise<void> {
  const { io } = context;
  const api = await context.signIn({ isSilent: true });
  const name = o.name ?? (await io.ask('Deployment name: '));
  if (name.trim() === '')
    throw new CliError('no name provided for the Deployment. Retry with a valid name', 'For example: --name production');
  const deployment = await api.createDeployment({
    name,
    workspaceId: await findWorkspaceId(context, api, o.workspaceId),
    ...(o.description === undefined ? {} : { description: o.description }),
    ...(o.airflowUrl === undefined ? {} : { airflowUrl: o.airflowUrl }),
  });
  if (o.cleanOutput) return io.print(deployment.id);
  if (o.json) return printJson(io, deployment);
  const columns = deploymentColumns(false);
  const cells = columns.map((column) => column.text(deployment));
  io.print(tableLines([columns.map((column) => column.header), cells]).join('\n'));
  io.print(`\n Successfully created Deployment: ${oneLine(deployment.name)}`);
  io.print(` Deployment ID: ${deployment.id}`);
  if (deployment.webServerUrl) io.print(` Airflow: ${oneLine(deployment.webServerUrl)}`);
  io.note(`Next, give it a token: astro deployment token create --deployment-id=${deployment.id}`);
}
