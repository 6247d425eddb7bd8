import { Command } from 'commander';
import type { Context } from '../../../context.ts';
import { CliError } from '../../../exit.ts';
import { allFlags } from '../../../flags.ts';
import { type NewTokenFlags, newTokenBody, requireEnd, withNewTokenFlags } from '../../../new-token.ts';
import { printIssued } from '../../../tokens.ts';

export interface CreateOptions extends NewTokenFlags {
  readonly deploymentId: string;
}

export function createCommand(context: Context, run = createToken): Command {
  const command = new Command('create').alias('cr').description('Create an API token of a Deployment. Its value is shown once');
  return withNewTokenFlags(command, 'DEPLOYMENT_ADMIN or a custom role').action((_flags, leaf: Command) =>
    run(context, allFlags<CreateOptions>(leaf)),
  );
}

export async function createToken(context: Context, o: CreateOptions): Promise<void> {
  const { io } = context;
  requireEnd(o);
  const api = await context.signIn();
  const name = o.name ?? (await io.ask('Enter a name for the new Deployment API token: '));
  if (name.trim() === '')
    throw new CliError('no name provided for the deployment token. Retry with a valid name', 'For example: --name ci');
  const role =
    o.role ??
    (await io.ask('Enter a role for the new Deployment API token (Possible values are DEPLOYMENT_ADMIN or a custom role name): '));
  if (role.trim() === '')
    throw new CliError('no role provided for the deployment token', 'Retry with --role, for example --role DEPLOYMENT_ADMIN');
  const issued = await api.createToken({ ...newTokenBody(o), name, role, scope: 'DEPLOYMENT', entityId: o.deploymentId });
  printIssued(io, 'DEPLOYMENT', 'created', issued, o);
}
