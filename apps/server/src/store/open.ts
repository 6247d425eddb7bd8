/** Opens the database: the only code that knows which one it is. */
import { CamelCasePlugin, type Dialect, Kysely, type Transaction } from 'kysely';
import type { Client, Pool } from 'pg';
import { postgresDialect, postgresPool, sqliteDialects } from './dialect.ts';
import type { Tables } from './schema.ts';
import { createWriter, type Writer, type WriterOptions } from './write.ts';

/** A database for reading. */
export type Db = Kysely<Tables>;
/** The transaction that `write()` hands to a change. */
export type Tx = Transaction<Tables>;

/** An open database. `read` may lag behind a commit by nothing: both sides see what was committed. */
export interface Store {
  readonly read: Db;
  readonly write: Writer['write'];
  /** Calls back with the Deployments whose feed grew, after each commit of this or any other process. Returns the way to stop. */
  onChange(listener: (deploymentIds: ReadonlySet<string>) => void): () => void;
  /** For migrations only. */
  readonly schema: Db;
  close(): Promise<void>;
}

/**
 * @param url `sqlite:<file>`, `sqlite::memory:` or `postgres://…`
 * @throws when the file cannot be opened; PostgreSQL is first asked by the first query
 */
export function openStore(url: string, options: WriterOptions = {}): Store {
  const listeners = new Set<(deploymentIds: ReadonlySet<string>) => void>();
  const tell = (deploymentIds: ReadonlySet<string>): void => {
    for (const listener of listeners) listener(deploymentIds);
  };
  const onChange = (listener: (deploymentIds: ReadonlySet<string>) => void) => {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  };
  const kysely = (dialect: Dialect): Db => new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] });

  if (/^postgres(ql)?:\/\//.test(url)) {
    const pool = postgresPool(url);
    const db = kysely(postgresDialect(pool));
    const listening = listenToOtherProcesses(pool, tell);
    const writer = createWriter(db, () => undefined, options); // every commit comes back as a notification, our own too
    return {
      read: db,
      schema: db,
      write: writer.write,
      onChange,
      async close() {
        await writer.idle();
        await listening.stop();
        await db.destroy();
      },
    };
  }

  const dialects = sqliteDialects(url.replace(/^sqlite:/, ''));
  const writing = kysely(dialects.write);
  const reading = dialects.read ? kysely(dialects.read) : writing;
  const writer = createWriter(writing, tell, options);
  return {
    read: reading,
    schema: writing,
    write: writer.write,
    onChange,
    async close() {
      await writer.idle();
      if (reading !== writing) await reading.destroy();
      await writing.destroy();
    },
  };
}

/** One connection that only listens; when it breaks it is made anew, and a caller that missed a call looks again within a second anyway. */
function listenToOtherProcesses(pool: Pool, tell: (deploymentIds: ReadonlySet<string>) => void): { stop(): Promise<void> } {
  let stopped = false;
  let client: (Client & { release?: (error?: Error) => void }) | undefined;
  let retry: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    try {
      const connection = await pool.connect();
      client = connection as unknown as Client & { release?: (error?: Error) => void }; // a pool client is a client with `release`
      connection.on('notification', (message) => {
        if (message.payload) tell(new Set([message.payload]));
      });
      connection.on('error', again);
      await connection.query('listen astrolabe_change');
      if (stopped) connection.release(new Error('closing'));
    } catch {
      again();
    }
  };
  const again = (): void => {
    client?.release?.(new Error('listener lost'));
    client = undefined;
    if (stopped || retry) return;
    retry = setTimeout(() => {
      retry = undefined;
      void connect();
    }, 500);
  };
  void connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(retry);
      client?.release?.(new Error('closing'));
      client = undefined;
    },
  };
}
