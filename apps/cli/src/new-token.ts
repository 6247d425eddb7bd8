/** Flags and checks that every command which creates a token shares. */
import { type Command, Option } from 'commander';
import type { NewToken } from './api.ts';
import { CliError } from './exit.ts';
import type { ValueFlags } from './tokens.ts';

export interface NewTokenFlags extends ValueFlags {
  readonly name?: string;
  readonly role?: string;
  readonly description?: string;
  /** Days; 0 like none. */
  readonly expiration?: number;
  readonly kind?: Kind;
}

type Kind = 'STANDARD' | 'DIRECT_ACCESS';

/** @param roles what `--role` takes, for the help */
export function withNewTokenFlags(command: Command, roles: string): Command {
  return command
    .option('-n, --name <name>', 'name of the token')
    .option('-r, --role <role>', roles)
    .option('-d, --description <text>', 'what the token is for')
    .option('-e, --expiration <days>', 'days until it expires, 1 to 365; without it, it does not', parseDays)
    .option('--kind <kind>', 'standard, or direct-access: works without the control plane; needs --expiration', parseKind)
    .option('-c, --clean-output', 'print the value and nothing else')
    .addOption(new Option('--json', 'print the token with its value as JSON').conflicts('cleanOutput'));
}

/** @throws CliError for a direct access token without an end, before anything is asked or sent */
export function requireEnd(flags: NewTokenFlags): void {
  if (flags.kind !== 'DIRECT_ACCESS' || flags.expiration) return;
  throw new CliError('a direct access token must end', 'Give --expiration with 1 to 365 days, for example --expiration 30.');
}

/** What of the request body follows from the flags alone. `description` is always there, as existing clients send it. */
export function newTokenBody(flags: NewTokenFlags): Omit<NewToken, 'name' | 'role' | 'scope' | 'entityId'> {
  return {
    description: flags.description ?? '',
    ...(flags.expiration ? { tokenExpiryPeriodInDays: flags.expiration } : {}),
    ...(flags.kind === 'DIRECT_ACCESS' ? { kind: flags.kind } : {}),
  };
}

function parseDays(text: string): number {
  const days = Number(text);
  if (/^\d+$/.test(text) && days <= 365) return days;
  throw new CliError(
    `--expiration ${text} is not between 1 and 365 days`,
    'Give a number of days such as --expiration 30, or leave it out for a token that does not expire.',
  );
}

function parseKind(text: string): Kind {
  const kind = text.toUpperCase().replaceAll('-', '_');
  if (kind === 'STANDARD' || kind === 'DIRECT_ACCESS') return kind;
  throw new CliError(`--kind ${text} is not a kind of token`, 'Give --kind standard or --kind direct-access.');
}
