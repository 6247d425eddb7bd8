import { Command } from 'commander';
import type { Context } from '../../../context.ts';
import { allFlags } from '../../../flags.ts';
import { type FormatFlags, printList, withFormat } from '../../../table.ts';
import { tokenColumns, withoutValue } from '../../../tokens.ts';

export interface ListOptions extends FormatFlags {
  readonly deploymentId: string;
}

export function listCommand(context: Context, run = listTokens): Command {
  return withFormat(new Command('list').alias('ls').description('List the API tokens that have a role on a Deployment')).action(
    (_flags, command: Command) => run(context, allFlags<ListOptions>(command)),
  );
}

export async function listTokens(context: Context, o: ListOptions): Promise<void> {
  const api = await context.signIn();
  const tokens = await api.listTokens({ deploymentId: o.deploymentId });
  const columns = tokenColumns('DEPLOYMENT', o.deploymentId, context.now());
  printList(context.io, o, { key: 'tokens', rows: tokens, columns, json: withoutValue });
}
