import { Command } from 'commander';
import type { Context } from '../../../context.ts';
import { CliError } from '../../../exit.ts';
import { allFlags } from '../../../flags.ts';
import { pick } from '../../../look-up.ts';
import { type NewTokenFlags, newTokenBody, requireEnd, withNewTokenFlags } from '../../../new-token.ts';
import { printIssued } from '../../../tokens.ts';

const roles = ['ORGANIZATION_MEMBER', 'ORGANIZATION_BILLING_ADMIN', 'ORGANIZATION_OWNER'];

export function createCommand(context: Context, run = createToken): Command {
  const command = new Command('create').alias('cr').description('Create an API token of the organization. Its value is shown once');
  return withNewTokenFlags(command, roles.join(', ')).action((_flags, leaf: Command) => run(context, allFlags<NewTokenFlags>(leaf)));
}

export async function createToken(context: Context, o: NewTokenFlags): Promise<void> {
  const { io } = context;
  requireEnd(o);
  const api = await context.signIn();
  const name = o.name ?? (await io.ask('Enter a name for the new Organization API token: '));
  if (name.trim() === '')
    throw new CliError('no name provided for the organization token. Retry with a valid name', 'For example: --name ci');
  const role = o.role ?? (await pickRole(context));
  if (!roles.includes(role)) {
    throw new CliError(
      'requested role is invalid. Possible values are ORGANIZATION_MEMBER, ORGANIZATION_BILLING_ADMIN and ORGANIZATION_OWNER ',
      'For example: --role ORGANIZATION_MEMBER',
    );
  }
  const issued = await api.createToken({ ...newTokenBody(o), name, role, scope: 'ORGANIZATION' });
  printIssued(io, 'ORGANIZATION', 'created', issued, o);
}

function pickRole({ io }: Context): Promise<string> {
  io.note('select a Organization Role for the new API token:');
  return pick(io, roles, [{ header: 'ROLE', text: (role) => role }], 'invalid Organization role selection', `Give --role ${roles[0]}.`);
}
