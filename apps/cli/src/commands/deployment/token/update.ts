import { Command } from 'commander';
import type { Context } from '../../../context.ts';
import { UsageError } from '../../../exit.ts';
import { allFlags, id } from '../../../flags.ts';
import { findToken, requireHome, type TokenTarget } from '../../../look-up.ts';
import { oneLine } from '../../../text.ts';
import { roleOn } from '../../../tokens.ts';

export interface UpdateOptions extends TokenTarget {
  readonly newName?: string;
  readonly description?: string;
  readonly role?: string;
}

export function updateCommand(context: Context, run = updateToken): Command {
  return new Command('update')
    .alias('up')
    .description('Change name, description or role of an API token of a Deployment')
    .argument('[token-id]', 'the token; otherwise --name, or a choice', id)
    .option('-t, --name <name>', 'the token by its current name')
    .option('-n, --new-name <name>', 'its new name')
    .option('-d, --description <text>', 'its new description')
    .option('-r, --role <role>', 'its new role on the Deployment; without it the role stays')
    .action((tokenId: string | undefined, _flags, command: Command) =>
      run(context, { ...allFlags<UpdateOptions>(command), ...(tokenId ? { tokenId } : {}) }),
    );
}

export async function updateToken(context: Context, o: UpdateOptions): Promise<void> {
  const changesText = o.newName !== undefined || o.description !== undefined;
  if (!changesText && o.role === undefined) throw new UsageError('nothing to change. Give --new-name, --description or --role');
  const api = await context.signIn();
  const token = await findToken(context, api, o);
  requireHome(token, o.deploymentId);
  if (changesText) await api.updateToken(token.id, { name: o.newName ?? token.name, description: o.description ?? token.description });
  if (o.role !== undefined && o.role !== roleOn(token, 'DEPLOYMENT', o.deploymentId)) {
    const others = token.roles.filter((role) => role.entityType !== 'DEPLOYMENT' || role.entityId !== o.deploymentId);
    await api.replaceRoles(token.id, [...others, { entityType: 'DEPLOYMENT', entityId: o.deploymentId, role: o.role }]);
  }
  context.io.print(`Astro Deployment API token ${oneLine(token.name)} was successfully updated`);
}
