/** `astro deployment …` */
import type { Command } from 'commander';
import type { Context } from '../../context.ts';
import { id, mount } from '../../flags.ts';
import { createCommand, type createDeployment } from './create.ts';
import { deleteCommand, type deleteDeployment } from './delete.ts';
import { inspectCommand, type inspectDeployment } from './inspect.ts';
import { listCommand, type listDeployments } from './list.ts';
import { mountTokenGroup, type TokenRuns } from './token/token.ts';

/** What the commands do; tests pass their own. */
export interface DeploymentRuns {
  readonly list?: typeof listDeployments;
  readonly create?: typeof createDeployment;
  readonly inspect?: typeof inspectDeployment;
  readonly delete?: typeof deleteDeployment;
  readonly token?: TokenRuns;
}

export function mountDeployment(group: Command, context: Context, runs: DeploymentRuns = {}): void {
  group.option('--workspace-id <id>', 'the workspace; otherwise that of the token, or the only one', id);
  mount(group, listCommand(context, runs.list));
  mount(group, createCommand(context, runs.create));
  mount(group, inspectCommand(context, runs.inspect));
  mount(group, deleteCommand(context, runs.delete));
  mountTokenGroup(group, context, runs.token);
}
