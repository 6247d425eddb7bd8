/**
 * `astrolabe owner-token`: makes a new Organization Owner token, so that nobody locks themselves out. Whoever may read the
 * database and the master key may do anything anyway; this way it is written in the audit trail.
 */
import { existsSync } from 'node:fs';
import pino from 'pino';
import { loadConfig, type ServerConfig } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { issueOwnerToken } from './first-start.ts';
import { toInstant } from './instants.ts';
import { ownerTokenDays, writeOwnerToken } from './owner-token-file.ts';
import { databaseUrlOf, start } from './start.ts';
import { StartError } from './start-error.ts';
import { isUnforeseen, sentenceFor } from './start-failure.ts';
import { findInstallation } from './store/installation.ts';
import { openStore, type Store } from './store/open.ts';
import { listOrganizations } from './store/organizations.ts';
import type { InstallationRow } from './store/schema.ts';
import { systemPrincipal } from './tokens/principal.ts';

/**
 * Makes the token and writes it to `owner-token` in the data folder; the server may be running.
 * @throws StartError when there is nothing to make a token for
 */
export async function makeOwnerToken(
  config: ServerConfig,
  log: pino.Logger,
  now: () => number = Date.now,
): Promise<{ readonly file: string; readonly endsAt: number }> {
  const store = openExisting(config);
  const installation = await findInstallationIn(store).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  // The address is the installation's: this program may run without the settings of the server, and must not change it.
  const { deps, close } = await start({ ...config, publicUrl: installation.issuer }, log, now, store);
  try {
    const organization = (await listOrganizations(deps.read)).find((row) => row.deletedAt === null);
    if (!organization) throw new StartError('There is no organization in this database; start the server first.');
    openDataFolder(config.dataDir);
    const at = now();
    const { value, endsAt } = await deps.write(systemPrincipal(organization.id), (tx, actor) =>
      issueOwnerToken(deps, tx, actor, `Owner ${toInstant(at)}`, at),
    );
    return { file: writeOwnerToken(config, value), endsAt };
  } finally {
    await close();
  }
}

/** Opening an SQLite file makes it; a typing error in a path must not look like a new installation. */
function openExisting(config: ServerConfig): Store {
  const url = databaseUrlOf(config);
  const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
  if (file !== undefined && !existsSync(file)) {
    throw new StartError(`There is no database at ${file}: start the server first, or name its data folder in ASTROLABE_DATA.`);
  }
  return openStore(url);
}

async function findInstallationIn(store: Store): Promise<InstallationRow> {
  const tables = await store.read.introspection.getTables();
  const installation = tables.some((table) => table.name === 'installation') ? await findInstallation(store.read) : undefined;
  if (!installation) throw new StartError('The database is empty: start the server first.');
  return installation;
}

if (import.meta.main) {
  process.umask(0o077); // what we write is its owner's alone
  let config: ServerConfig | undefined;
  const log = pino({ level: 'warn', base: null }, pino.destination(2));
  try {
    config = loadConfig(process.env);
    const { file, endsAt } = await makeOwnerToken(config, log);
    process.stdout.write(`A new Organization Owner token is in ${file}. It lives ${ownerTokenDays} days, until ${toInstant(endsAt)}.\n`);
  } catch (error) {
    process.stderr.write(`${sentenceFor(error, config)}\n`);
    if (isUnforeseen(error)) log.error({ err: error }, 'no owner token was made');
    process.exitCode = 1;
  }
}
