/** What the two databases cannot share, each under a name that says what it is for. */
import Database from 'better-sqlite3';
import {
  type DatabaseConnection,
  type Dialect,
  type Kysely,
  PostgresDialect,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
  sql,
} from 'kysely';
import pg from 'pg';

const int8 = 20; // PostgreSQL's type id of bigint
const maxCachedStatements = 500;

/** No request waits longer than these for PostgreSQL: to be connected, to finish a statement or get a lock, to answer at all (O-08). */
const connectTimeoutMs = 5000;
const statementTimeoutMs = 10_000;
const answerTimeoutMs = 15_000;

/** Prepares each text once: building and preparing costs about 20 µs, a cached statement a third of it. */
function withStatementCache(database: Database.Database): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(text) {
      const known = statements.get(text);
      if (known) return known;
      if (statements.size >= maxCachedStatements) statements.clear(); // texts are finite; long IN lists are why it is bounded
      const statement = database.prepare(text) as unknown as SqliteStatement; // Kysely declares the part of better-sqlite3 it uses
      statements.set(text, statement);
      return statement;
    },
  };
}

/** Takes the write lock at once. A deferred transaction that turns into a writer later fails when another process wrote in between. */
class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery({
      sql: 'begin immediate',
      parameters: [],
      query: { kind: 'RawNode' } as never,
      queryId: { queryId: 'begin' },
    });
  }
}

class WritingSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;
  constructor(database: SqliteDatabase) {
    super({ database });
    this.#database = database;
  }
  override createDriver(): SqliteDriver {
    return new ImmediateSqliteDriver({ database: this.#database });
  }
}

function openSqlite(file: string, mode: 'write' | 'read'): Database.Database {
  const database = new Database(file, { readonly: mode === 'read' && file !== ':memory:' });
  database.pragma('busy_timeout = 5000');
  if (mode === 'write') {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL'); // an answered write survives a power cut
    database.pragma('foreign_keys = ON');
  }
  return database;
}

/** The writing and the reading side of one SQLite file. In memory there is one connection, and reads wait for the writer. */
export function sqliteDialects(file: string): { write: Dialect; read: Dialect | undefined } {
  const write = new WritingSqliteDialect(withStatementCache(openSqlite(file, 'write')));
  if (file === ':memory:') return { write, read: undefined };
  return { write, read: new SqliteDialect({ database: async () => withStatementCache(openSqlite(file, 'read')) }) };
}

/** A pool for PostgreSQL; milliseconds arrive as numbers (they fit a double until the year 287396). */
export function postgresPool(url: string): pg.Pool {
  pg.types.setTypeParser(int8, Number);
  const pool = new pg.Pool({
    connectionString: url,
    max: 16,
    application_name: 'astrolabe',
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs, // a stopped process gives back its locks
    keepAlive: true,
  });
  // A broken connection is replaced and its query fails, which is told to whoever asked. Unheard, the event of an idle or a busy
  // one would end the process instead (O-02).
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

export const postgresDialect = (pool: pg.Pool): Dialect => new PostgresDialect({ pool });

const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
};

/** A unique key was already there. */
export function isUniqueViolation(error: unknown): boolean {
  const code = codeOf(error);
  return code === '23505' || code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY';
}

/** Lost a race that a second try may win: deadlock or serialization failure. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  return code === '40P01' || code === '40001';
}

/** What the driver of PostgreSQL says of itself; these errors have no code. */
const lostConnection =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout)/;

/** The database itself is the trouble, not the statement: gone, full, read-only or locked for too long. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  return (
    /^(SQLITE_(BUSY|LOCKED|FULL|READONLY|IOERR|CANTOPEN|CORRUPT|NOTADB|PROTOCOL))/.test(code) ||
    /^(08|53|57|58)/.test(code) ||
    /^E(CONN|PIPE|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH)/.test(code) ||
    (code === '' && error instanceof Error && lostConnection.test(error.message))
  );
}

/** Reads several tables as of one moment. SQLite gives that to every read transaction, PostgreSQL on request. */
export async function readConsistently<DB, T>(db: Kysely<DB>, read: (snapshot: Kysely<DB>) => Promise<T>): Promise<T> {
  const transaction = db.transaction();
  return isPostgres(db) ? transaction.setIsolationLevel('repeatable read').execute(read) : transaction.execute(read);
}

/** Tells sleeping server processes that a Deployment's feed grew. A no-op on SQLite, where there is one process. */
export async function notifyChange<DB>(tx: Kysely<DB>, deploymentId: string): Promise<void> {
  if (isPostgres(tx)) await sql`select pg_notify('astrolabe_change', ${deploymentId})`.execute(tx);
}

/** True on PostgreSQL. */
export function isPostgres<DB>(db: Kysely<DB>): boolean {
  return db.getExecutor().adapter.supportsMultipleConnections === true;
}
