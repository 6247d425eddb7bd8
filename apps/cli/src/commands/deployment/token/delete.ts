import type { ApiToken, ApiTokenRole } from '@astrolabe/contract';
import { Command } from 'commander';
import type { Api } from '../../../api.ts';
import type { Context } from '../../../context.ts';
import { Declined } from '../../../exit.ts';
import { allFlags, id } from '../../../flags.ts';
import { findToken, requireHome, type TokenTarget } from '../../../look-up.ts';
import { oneLine } from '../../../text.ts';

export interface DeleteOptions extends TokenTarget {
  readonly force?: boolean;
}

export function deleteCommand(context: Context, run = deleteToken): Command {
  return new Command('delete')
    .alias('de')
    .description('Delete an API token of a Deployment; a token from a wider scope is only removed from the Deployment')
    .argument('[token-id]', 'the token; otherwise --name, or a choice', id)
    .option('-t, --name <name>', 'the token by its name')
    .option('-f, --force', 'do not ask')
    .action((tokenId: string | undefined, _flags, command: Command) =>
      run(context, { ...allFlags<DeleteOptions>(command), ...(tokenId ? { tokenId } : {}) }),
    );
}

export async function deleteToken(context: Context, o: DeleteOptions): Promise<void> {
  const api = await context.signIn();
  const token = await findToken(context, api, o);
  if (token.scope !== 'DEPLOYMENT') return removeFromDeployment(context, api, token, o);
  requireHome(token, o.deploymentId);
  if (!o.force) {
    context.io.note('WARNING: API token deletion cannot be undone.');
    const isSure = await context.io.confirm(`\nAre you sure you want to delete the ${oneLine(token.name)} API token?`);
    if (!isSure) throw new Declined('Canceling API Token deletion');
  }
  await api.deleteToken(token.id);
  context.io.print(`Astro Deployment API token ${oneLine(token.name)} was successfully deleted`);
}

async function removeFromDeployment({ io }: Context, api: Api, token: ApiToken, o: DeleteOptions): Promise<void> {
  if (!o.force) {
    const isSure = await io.confirm(`\nAre you sure you want to remove the ${oneLine(token.name)} API token from the Deployment?`);
    if (!isSure) throw new Declined('Canceling API Token removal');
  }
  const elsewhere = (role: ApiTokenRole): boolean => role.entityId !== o.deploymentId && role.deploymentId !== o.deploymentId;
  await api.replaceRoles(token.id, token.roles.filter(elsewhere));
  io.print(`Astro API token ${oneLine(token.name)} was successfully removed from the Deployment`);
}
