import { Command, Option } from 'commander';
import type { Context } from '../../../context.ts';
import { Declined } from '../../../exit.ts';
import { allFlags, id } from '../../../flags.ts';
import { findToken, requireHome, type TokenTarget } from '../../../look-up.ts';
import { oneLine } from '../../../text.ts';
import { printIssued, type ValueFlags } from '../../../tokens.ts';

export interface RotateOptions extends TokenTarget, ValueFlags {
  readonly force?: boolean;
}

export function rotateCommand(context: Context, run = rotateToken): Command {
  return new Command('rotate')
    .alias('ro')
    .description('Replace the value of an API token of a Deployment. The old value ends at once, the new one is shown once')
    .argument('[token-id]', 'the token; otherwise --name, or a choice', id)
    .option('-t, --name <name>', 'the token by its name')
    .option('-f, --force', 'do not ask')
    .option('-c, --clean-output', 'print the new value and nothing else')
    .addOption(new Option('--json', 'print the token with its new value as JSON').conflicts('cleanOutput'))
    .action((tokenId: string | undefined, _flags, command: Command) =>
      run(context, { ...allFlags<RotateOptions>(command), ...(tokenId ? { tokenId } : {}) }),
    );
}

export async function rotateToken(context: Context, o: RotateOptions): Promise<void> {
  const { io } = context;
  const api = await context.signIn();
  const token = await findToken(context, api, o);
  requireHome(token, o.deploymentId);
  if (!o.force) {
    io.note('WARNING: API Token rotation will invalidate the current token and cannot be undone.');
    const isSure = await io.confirm(`\nAre you sure you want to rotate the ${oneLine(token.name)} API token?`);
    if (!isSure) throw new Declined('Canceling token rotation');
  }
  printIssued(io, 'DEPLOYMENT', 'rotated', await api.rotateToken(token.id), o);
}
