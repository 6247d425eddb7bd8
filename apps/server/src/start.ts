/** From a configuration to working dependencies: keys, database, first start. `main.ts` and `owner-token.ts` begin here. */
import { randomUUID } from 'node:crypto';
import type pino from 'pino';
import type { ServerConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { createFirstTenant, type FirstStart } from './first-start.ts';
import { openMasterKey } from './master-key.ts';
import { changePublicUrl, issuersOf } from './public-url.ts';
import { createSealing } from './sealing.ts';
import { createSigningKey, loadSigningKeys } from './signing-keys/signing-keys.ts';
import { StartError } from './start-error.ts';
import { findInstallation, insertInstallation } from './store/installation.ts';
import { migrate } from './store/migrate.ts';
import { openStore, type Store } from './store/open.ts';
import { listOrganizations, takeTurn } from './store/organizations.ts';
import type { InstallationRow } from './store/schema.ts';
import { insertSigningKey } from './store/signing-keys.ts';
import { createIssuer } from './tokens/issuer.ts';
import { createLastUse } from './tokens/last-use.ts';
import { readActor } from './tokens/principal.ts';
import { createRefusedUses } from './tokens/refused-uses.ts';

/** Working dependencies and what the first start made; `firstStart` is absent on every later one. */
export interface Started {
  readonly deps: Deps;
  readonly firstStart?: FirstStart;
  close(): Promise<void>;
}

/** Where the database is: in the data folder unless configured otherwise. */
export const databaseUrlOf = (config: ServerConfig): string => config.databaseUrl ?? `sqlite:${config.dataDir}/server.db`;

/** @throws StartError, ConfigError, NewerDatabase or an error of the database; nothing is left open */
export async function start(
  config: ServerConfig,
  log: pino.Logger,
  now: () => number = Date.now,
  store: Store = openStore(databaseUrlOf(config)),
): Promise<Started> {
  try {
    await migrate(store);
    const existing = await findInstallation(store.read);
    const masterKey = openMasterKey(config, { mayCreate: existing === undefined });
    const sealing = createSealing(masterKey);
    if (existing && existing.masterKeyId !== sealing.keyId) {
      throw new StartError(`The master key in ${config.keysDir} is not the one that sealed this database. Put the right one back.`);
    }
    if (!existing) await install(store, sealing, config, now());
    const installation = await getInstallation(store);
    const signingKeys = await loadSigningKeys(store.read, sealing);
    const lastUse = createLastUse(store.write, now, log);
    const refusedUses = createRefusedUses(store.write, now, log);
    const issuers = issuersOf(installation, config.publicUrl);
    if (installation.issuer !== config.publicUrl) await changePublicUrl(store.write, { now, issuers, signingKeys }, installation);
    const deps: Deps = {
      config,
      read: store.read,
      write: (caller, change) =>
        store.write(async (tx) => {
          await takeTurn(tx, caller.organizationId);
          return change(tx, await readActor(tx, caller, now()));
        }),
      onChange: store.onChange,
      issuer: createIssuer(config.publicUrl, () => signingKeys),
      issuers,
      feedEpoch: installation.feedEpoch,
      signingKeys,
      sealing,
      lastUse,
      refusedUses,
      log,
      now,
    };
    const isFirst = (await listOrganizations(store.read)).length === 0; // asked of the tenant itself: a first start may have been cut short
    const firstStart = isFirst ? await createFirstTenant(deps) : undefined;
    lastUse.start();
    refusedUses.start();
    const close = async (): Promise<void> => {
      await lastUse.stop();
      await refusedUses.stop();
      await store.close();
    };
    return { deps, ...(firstStart ? { firstStart } : {}), close };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function install(store: Store, sealing: ReturnType<typeof createSealing>, config: ServerConfig, at: number): Promise<void> {
  await store.write(async (tx) => {
    await insertInstallation(tx, {
      issuer: config.publicUrl,
      formerIssuers: '[]',
      feedEpoch: randomUUID(),
      masterKeyId: sealing.keyId,
      createdAt: at,
    });
    await insertSigningKey(tx, createSigningKey('token', config.tokenAlgorithm, 'current', sealing, at));
    await insertSigningKey(tx, createSigningKey('feed', 'EdDSA', 'current', sealing, at));
  });
}

async function getInstallation(store: Store): Promise<InstallationRow> {
  const row = await findInstallation(store.read);
  if (!row) throw new Error('the installation was just written');
  return row;
}
