/** `astro organization …` */
import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { allFlags, id, mount } from '../../flags.ts';
import { type FormatFlags, printList, withFormat } from '../../table.ts';
import { namedColumns } from '../named.ts';
import { createCommand, type createToken } from './token/create.ts';
import { listCommand, type listTokens } from './token/list.ts';

/** What the commands do; tests pass their own. */
export interface OrganizationRuns {
  readonly list?: typeof listOrganizations;
  readonly listTokens?: typeof listTokens;
  readonly createToken?: typeof createToken;
}

export function mountOrganization(group: Command, context: Context, runs: OrganizationRuns = {}): void {
  const { list = listOrganizations } = runs;
  mount(group, withFormat(new Command('list').alias('ls').description('List organizations'))).action((_flags, command: Command) =>
    list(context, allFlags<FormatFlags>(command)),
  );
  const token = mount(group, new Command('token').alias('to').description('API tokens of the organization'));
  token.option('--organization-id <id>', 'accepted for existing scripts; the organization is that of the token', id);
  mount(token, listCommand(context, runs.listTokens));
  mount(token, createCommand(context, runs.createToken));
}

async function listOrganizations(context: Context, o: FormatFlags): Promise<void> {
  const api = await context.signIn();
  const rows = await api.listOrganizations();
  printList(context.io, o, { key: 'organizations', rows, ...namedColumns(api.organizationId) });
}
