/** `astrolabe owner-token`: the way back in when every token is lost. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { CliError } from '../exit.ts';
import { ownerTokenProgram } from '../installation.ts';

/** Starts the program with the environment of this one; resolves to its exit code. Tests pass their own. */
export type StartProgram = (file: string, env: Context['env']) => Promise<number>;

export function mountOwnerToken(command: Command, context: Context, start: StartProgram = startNode): void {
  command.action(() => ownerToken(context, start));
}

/** The server's own program makes the token, because it alone may read the master key. What it says is on the terminal. */
export async function ownerToken({ env }: Context, start: StartProgram): Promise<void> {
  if (!existsSync(ownerTokenProgram)) {
    throw new CliError(
      'the server is not installed here',
      'Run astrolabe owner-token on the machine and in the checkout where the server runs.',
    );
  }
  const code = await start(ownerTokenProgram, env);
  if (code === 0) return;
  throw new CliError(
    `no owner token was made (exit code ${code})`,
    'The lines above say why. Run it where the data of the server is, as the user the server runs as, with the same ASTROLABE_DATA and ASTROLABE_KEYS.',
  );
}

function startNode(file: string, env: Context['env']): Promise<number> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { env, stdio: 'inherit' });
    child.once('error', reject).once('exit', (code) => resolve(code ?? 1));
  });
}
