import { Command } from 'commander';
import type { Context } from '../../../context.ts';
import { allFlags } from '../../../flags.ts';
import { type FormatFlags, printList, withFormat } from '../../../table.ts';
import { tokenColumns, withoutValue } from '../../../tokens.ts';

export function listCommand(context: Context, run = listTokens): Command {
  return withFormat(new Command('list').alias('ls').description('List the API tokens of the organization')).action(
    (_flags, command: Command) => run(context, allFlags<FormatFlags>(command)),
  );
}

export async function listTokens(context: Context, o: FormatFlags): Promise<void> {
  const api = await context.signIn();
  const tokens = await api.listTokens({ includeOnlyOrganizationTokens: 'true' });
  const columns = tokenColumns('ORGANIZATION', api.organizationId, context.now());
  printList(context.io, o, { key: 'tokens', rows: tokens, columns, json: withoutValue });
}
