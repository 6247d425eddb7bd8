/** Test support: an empty database of every kind that is supported. The conformance suite runs on each. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

export interface TestDatabase {
  /** For `openStore`. */
  readonly url: string;
  /** Whether a second `openStore` of the same address sees the same data, as another process would. */
  readonly isShared: boolean;
  drop(): Promise<void>;
}

export interface Backend {
  readonly name: string;
  create(): Promise<TestDatabase>;
}

/** Where an administrator of a throw-away PostgreSQL gets in; `npm test` starts one and sets it. */
const postgresUrl = process.env.ASTROLABE_TEST_POSTGRES_URL;

/** SQLite always, PostgreSQL when `ASTROLABE_TEST_POSTGRES_URL` names one. */
export const backends: readonly Backend[] = [
  { name: 'sqlite::memory:', create: async () => ({ url: 'sqlite::memory:', isShared: false, drop: async () => undefined }) },
  { name: 'an SQLite file', create: createSqliteFile },
  ...(postgresUrl ? [{ name: 'PostgreSQL', create: () => createPostgresDatabase(postgresUrl) }] : []),
];

async function createSqliteFile(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'astrolabe-store-'));
  return { url: `sqlite:${join(folder, 'server.db')}`, isShared: true, drop: async () => rmSync(folder, { recursive: true, force: true }) };
}

async function createPostgresDatabase(adminUrl: string): Promise<TestDatabase> {
  const name = `astrolabe_${randomBytes(8).toString('hex')}`;
  const asAdmin = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: adminUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await asAdmin(`create database "${name}"`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, isShared: true, drop: () => asAdmin(`drop database if exists "${name}" with (force)`) };
}
