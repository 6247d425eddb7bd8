/** `astro deployment token …`: every sub-command needs `--deployment-id`. */
import { Command } from 'commander';
import type { Context } from '../../../context.ts';
import { UsageError } from '../../../exit.ts';
import { allFlags, id, mount } from '../../../flags.ts';
import { createCommand, type createToken } from './create.ts';
import { deleteCommand, type deleteToken } from './delete.ts';
import { listCommand, type listTokens } from './list.ts';
import { rotateCommand, type rotateToken } from './rotate.ts';
import { updateCommand, type updateToken } from './update.ts';

/** What the commands do; tests pass their own. */
export interface TokenRuns {
  readonly list?: typeof listTokens;
  readonly create?: typeof createToken;
  readonly update?: typeof updateToken;
  readonly rotate?: typeof rotateToken;
  readonly delete?: typeof deleteToken;
}

export function mountTokenGroup(parent: Command, context: Context, runs: TokenRuns = {}): void {
  const group = mount(parent, new Command('token').alias('to').description('API tokens of a Deployment'));
  group.option('--deployment-id <id>', 'the Deployment; astro deployment list shows the ids', id);
  group.hook('preAction', (_group, command) => {
    if (allFlags<{ deploymentId?: string }>(command).deploymentId) return;
    throw new UsageError('required flag --deployment-id not set. To find valid values, run: astro deployment list');
  });
  mount(group, listCommand(context, runs.list));
  mount(group, createCommand(context, runs.create));
  mount(group, updateCommand(context, runs.update));
  mount(group, rotateCommand(context, runs.rotate));
  mount(group, deleteCommand(context, runs.delete));
}
