import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { CliError } from '../../exit.ts';
import { allFlags } from '../../flags.ts';
import { makePrivateFolder, openPrivateFile } from '../../private-files.ts';
import { type PreparedFile, prepareOwnKey, prepareSharedSecret } from './trust.ts';

export interface PrepareOptions {
  readonly out: string;
  readonly way: Way;
  readonly force?: boolean;
}

type Way = 'own-key' | 'shared-secret';

export function prepareCommand(context: Context, run = prepareAirflow): Command {
  return new Command('prepare')
    .description('Make the keys with which an Airflow 3 trusts its gateway, and the settings for both. Talks to no server')
    .requiredOption('--out <folder>', 'where the files go; made for its owner alone')
    .option(
      '--way <way>',
      'own-key: the gateway signs with a key of its own; shared-secret: with the secret of Airflow',
      parseWay,
      'own-key',
    )
    .option('-f, --force', 'replace files of an earlier run: what they belong to stops working until it has the new ones')
    .action((_flags, command: Command) => run(context, allFlags<PrepareOptions>(command)));
}

export async function prepareAirflow({ io }: Context, o: PrepareOptions): Promise<void> {
  const folder = resolve(o.out);
  if (!/^[\p{L}\p{N}_./:@~+-]+$/u.test(folder)) {
    throw new CliError(
      `${folder} holds a character that the readers of airflow.env understand in different ways`,
      'Choose a folder with letters, digits, dots, dashes and underscores only.',
    );
  }
  const files = o.way === 'own-key' ? prepareOwnKey(folder) : prepareSharedSecret();
  const existing = files.map(({ name }) => join(folder, name)).filter((path) => existsSync(path));
  if (existing.length > 0 && !o.force) {
    throw new CliError(
      `there is already ${existing.join(', ')}`,
      'An Airflow may be running with it. Choose another folder, or add --force to replace it.',
    );
  }
  makePrivateFolder(folder);
  for (const { name, text } of files) openPrivateFile(join(folder, name)).finish(text);
  io.print(files.map(({ name }) => join(folder, name)).join('\n'));
  io.note(nextSteps(folder, files));
}

function nextSteps(folder: string, files: readonly PreparedFile[]): string {
  const lines = files.map(({ name, purpose }) => `  ${name.padEnd(24)}${purpose}`);
  return [
    `\nMade in ${folder}, readable by you alone:`,
    ...lines,
    '',
    'Next:',
    '  1. Give airflow.env to every part of Airflow (db migrate, api-server, scheduler, dag-processor, triggerer, workers),',
    '     with Docker --env-file, systemd EnvironmentFile, or in a shell:',
    `       set -a; . ${join(folder, 'airflow.env')}; set +a`,
    '     If Airflow runs as another user, let that user, and nobody else, read the files that it names.',
    '     Restart all of Airflow: the files are read once.',
    '  2. Tell the gateway, on the machine where it runs:',
    `       astrolabe gateway enrol --deployment-id=<id> --airflow-url=http://127.0.0.1:8080 --airflow-credential=${join(folder, 'gateway-credential.json')}`,
    '  Where you can, serve the public port with airflow api-server --apps core: who is trusted for REST is trusted for',
    '  the Execution API too.',
  ].join('\n');
}

function parseWay(text: string): Way {
  if (text === 'own-key' || text === 'shared-secret') return text;
  throw new CliError(`--way ${text} is not a way`, 'Give --way own-key (preferred) or --way shared-secret.');
}
