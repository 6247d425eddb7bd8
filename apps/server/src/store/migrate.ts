/** Brings the database to the shape this version knows. Migrations are numbered and only go forward. */
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import * as initial from './migrations/0001-initial.ts';
import type { Store } from './open.ts';

const migrations: Record<string, Migration> = { '0001-initial': initial };

/** The database was written by a version that knows more migrations than this one. */
export class NewerDatabase extends Error {
  override readonly name = 'NewerDatabase';
}

/**
 * Runs what is missing, in order. Safe to call from several processes at once.
 * @throws NewerDatabase before anything is touched
 */
export async function migrate(store: Store): Promise<void> {
  const done = await appliedMigrations(store);
  const unknown = done.filter((name) => !(name in migrations));
  if (unknown.length > 0) throw new NewerDatabase(`the database holds ${unknown.join(', ')}, which this version does not know`);
  const migrator = new Migrator({ db: store.schema, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

async function appliedMigrations(store: Store): Promise<string[]> {
  const tables = await store.schema.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(store.schema);
  return rows.map((row) => row.name);
}
