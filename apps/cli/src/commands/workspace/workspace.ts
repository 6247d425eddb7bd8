/** `astro workspace …` */
import { Command, Option } from 'commander';
import type { Context } from '../../context.ts';
import { CliError } from '../../exit.ts';
import { allFlags, mount } from '../../flags.ts';
import { type FormatFlags, printJson, printList, withFormat } from '../../table.ts';
import { oneLine } from '../../text.ts';
import { namedColumns } from '../named.ts';

export interface CreateOptions {
  readonly name?: string;
  readonly description?: string;
  readonly enforceCicd?: string;
  readonly cleanOutput?: boolean;
  readonly json?: boolean;
}

/** What the commands do; tests pass their own. */
export interface WorkspaceRuns {
  readonly list?: typeof listWorkspaces;
  readonly create?: typeof createWorkspace;
}

export function mountWorkspace(group: Command, context: Context, runs: WorkspaceRuns = {}): void {
  const { list = listWorkspaces, create = createWorkspace } = runs;
  mount(group, withFormat(new Command('list').alias('ls').description('List workspaces'))).action((_flags, command: Command) =>
    list(context, allFlags<FormatFlags>(command)),
  );
  mount(group, new Command('create'))
    .alias('cr')
    .description('Create a workspace')
    .option('-n, --name <name>', 'name of the workspace')
    .option('-d, --description <text>', 'what it is for')
    .option('-e, --enforce-cicd <ON|OFF>', 'new Deployments accept code from API tokens only', 'OFF')
    .option('-c, --clean-output', 'print the id and nothing else')
    .addOption(new Option('--json', 'print the workspace as JSON').conflicts('cleanOutput'))
    .action((_flags, command: Command) => create(context, allFlags<CreateOptions>(command)));
}

async function listWorkspaces(context: Context, o: FormatFlags): Promise<void> {
  const api = await context.signIn();
  const rows = await api.listWorkspaces();
  printList(context.io, o, { key: 'workspaces', rows, ...namedColumns(api.workspaceId) });
}

async function createWorkspace(context: Context, o: CreateOptions): Promise<void> {
  const { io } = context;
  const enforced = o.enforceCicd?.toUpperCase();
  if (enforced !== 'ON' && enforced !== 'OFF') {
    throw new CliError('the input to the `--enforce-cicd` flag is neither ON nor OFF', 'Give --enforce-cicd ON or leave it out.');
  }
  if (!o.name?.trim())
    throw new CliError('no name provided for the workspace. Retry with a valid name', 'For example: --name data-platform');
  const api = await context.signIn();
  const workspace = await api.createWorkspace({ name: o.name, description: o.description ?? '', cicdEnforcedDefault: enforced === 'ON' });
  if (o.cleanOutput) return io.print(workspace.id);
  if (o.json) return printJson(io, workspace);
  io.print(`Astro Workspace ${oneLine(workspace.name)} was successfully created`);
}
