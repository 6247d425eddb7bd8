import { existsSync, renameSync, rmSync } from 'node:fs';
import { FeedEntry } from '@astrolabe/contract';
import Database from 'better-sqlite3';
import type { Position } from './state.ts';

/** Whose state a file holds; one of another is thrown away. */
export interface Owner {
  readonly deploymentId: string;
  readonly feedKeyThumbprint: string;
}

/** A heartbeat as it came, and what our wall clock said then. */
export interface StoredHeartbeat {
  readonly jws: string;
  readonly seenAt: number;
}

/** What a file held when it was opened. */
export interface Stored {
  readonly position: Position;
  readonly entries: readonly FeedEntry[];
  /** The public feed key, as JWK text: what verifies the heartbeat. */
  readonly feedKey: string;
  readonly heartbeat?: StoredHeartbeat;
}

/** A verified update: entries, and the text of each as the feed brought it. */
export interface FileUpdate {
  /** Undefined: where the state stood before. */
  readonly position: Position | undefined;
  readonly replaces: boolean;
  readonly entries: readonly FeedEntry[];
  readonly bodies: readonly string[];
  readonly feedKey: string;
}

/** The gateway's own copy of its state, from which it starts when the control plane is gone. */
export interface StateFile {
  /** Undefined when there is nothing to start from. */
  readonly stored: Stored | undefined;
  /** Stores an update as one transaction. */
  write(update: FileUpdate): void;
  /** Stores the last heartbeat that counted, in place of the one before. */
  writeHeartbeat(heartbeat: StoredHeartbeat): void;
  /** Drops the end that came with another agent token, for good. */
  dropEnd(): void;
  /** Forgets tokens that left and whose last value was retired before `before`, epoch milliseconds. */
  purge(before: number): void;
  close(): void;
}

/** The file is in use, or the folder cannot be written: the gateway cannot run on it. */
export class StateFileError extends Error {
  override readonly name = 'StateFileError';
}

const layout = 1;

/**
 * Opens the state file, or makes one.
 *
 * A file that cannot be read is moved aside, and of another owner emptied: the gateway then knows nothing, lets nobody in
 * and asks for a snapshot. `onDiscard` hears why, in one sentence.
 *
 * @throws StateFileError when another process uses the file or it cannot be written
 */
export function openStateFile(path: string, owner: Owner, onDiscard: (reason: string) => void): StateFile {
  try {
    return useFile(path, owner, onDiscard);
  } catch (error) {
    if (error instanceof StateFileError) throw error;
    if (!isDamaged(error)) throw new StateFileError(`The state file ${path} cannot be used: ${reasonOf(error)}.`);
    const aside = `${path}.damaged`;
    onDiscard(`The state file ${path} is damaged (${reasonOf(error)}) and was moved to ${aside}; the gateway starts without a state.`);
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
    if (existsSync(path)) renameSync(path, aside);
    return useFile(path, owner, onDiscard);
  }
}

/** Entries that do not fit their schema, or a file that fails its own check. */
class DamagedError extends Error {}

function useFile(path: string, owner: Owner, onDiscard: (reason: string) => void): StateFile {
  const db = new Database(path, { timeout: 1_000 });
  try {
    prepare(db, owner, onDiscard);
    return openedFile(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepare(db: Database.Database, owner: Owner, onDiscard: (reason: string) => void): void {
  // one gateway per Deployment: a second process on the same file stops at its start
  db.pragma('locking_mode = EXCLUSIVE');
  db.pragma('journal_mode = WAL');
  // A power cut may lose the last moments, but never reorders: what is left is an older state with its own older heartbeat,
  // and counts at its real age.
  db.pragma('synchronous = NORMAL');
  if (db.pragma('quick_check', { simple: true }) !== 'ok') throw new DamagedError('it fails its own check');
  const version = db.pragma('user_version', { simple: true });
  const holder = version === layout ? readMeta(db).get('owner') : undefined;
  if (holder === ownerText(owner)) return;
  if (holder !== undefined) onDiscard('The state file is of another Deployment or feed key and was emptied.');
  else if (version !== 0) onDiscard('The state file was written by another version of the gateway and was emptied.');
  db.transaction(() => {
    db.exec(`
      drop table if exists entry;
      drop table if exists meta;
      create table meta (name text primary key, value text not null) without rowid;
      create table entry (name text primary key, body text not null) without rowid;
      pragma user_version = ${layout};
    `);
    writeMeta(db, { owner: ownerText(owner) });
  })();
}

function openedFile(db: Database.Database): StateFile {
  const putEntry = db.prepare('insert into entry (name, body) values (?, ?) on conflict (name) do update set body = excluded.body');
  const putMeta = db.prepare(putMetaSql);
  const write = db.transaction((update: FileUpdate) => {
    const { position, feedKey } = update;
    if (update.replaces) db.exec('delete from entry');
    for (const [index, entry] of update.entries.entries()) putEntry.run(nameOf(entry), update.bodies[index]);
    if (position === undefined) return;
    if (readMeta(db).get('epoch') !== position.epoch) db.exec(`delete from meta where name in ('heartbeat', 'seenAt')`);
    writeMeta(db, { epoch: position.epoch, sequence: String(position.sequence), chain: position.chain, feedKey });
  });
  const writeHeartbeat = db.transaction(({ jws, seenAt }: StoredHeartbeat) => {
    putMeta.run('heartbeat', jws);
    putMeta.run('seenAt', String(seenAt));
  });
  return {
    stored: readStored(db),
    write,
    writeHeartbeat,
    dropEnd: () => db.exec(`delete from entry where name = 'end'`),
    purge: (before) => purgeGone(db, before),
    close: () => db.close(),
  };
}

function readStored(db: Database.Database): Stored | undefined {
  const meta = readMeta(db);
  const epoch = meta.get('epoch');
  const feedKey = meta.get('feedKey');
  if (epoch === undefined || feedKey === undefined) return undefined;
  const position = { epoch, sequence: Number(meta.get('sequence')), chain: meta.get('chain') ?? '' };
  if (!Number.isSafeInteger(position.sequence)) throw new DamagedError('its position is no number');
  const entries = rowsOf<{ body: string }>(db, 'select body from entry order by name').map(({ body }) => readEntry(body));
  const jws = meta.get('heartbeat');
  const heartbeat = jws === undefined ? {} : { heartbeat: { jws, seenAt: Number(meta.get('seenAt')) } };
  return { position, entries, feedKey, ...heartbeat };
}

function readEntry(body: string): FeedEntry {
  const entry = FeedEntry.safeParse(parseJson(body));
  if (!entry.success) throw new DamagedError('an entry is not one of the feed');
  return entry.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function purgeGone(db: Database.Database, before: number): void {
  for (const { name, body } of rowsOf<{ name: string; body: string }>(db, `select name, body from entry where name like 'token:%'`)) {
    const entry = readEntry(body);
    const isDue = entry.kind === 'token-gone' && entry.retired.every((value) => value.at < before);
    if (isDue) db.prepare('delete from entry where name = ?').run(name);
  }
}

/** One row per object. A token and its going share a name, so that the later one stays. */
function nameOf(entry: FeedEntry): string {
  return entry.kind === 'token' || entry.kind === 'token-gone' ? `token:${entry.id}` : entry.kind;
}

const ownerText = (owner: Owner): string => `${owner.deploymentId} ${owner.feedKeyThumbprint}`;

const putMetaSql = 'insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value';

function writeMeta(db: Database.Database, values: Readonly<Record<string, string>>): void {
  const put = db.prepare(putMetaSql);
  for (const [name, value] of Object.entries(values)) put.run(name, value);
}

function readMeta(db: Database.Database): Map<string, string> {
  return new Map(rowsOf<{ name: string; value: string }>(db, 'select name, value from meta').map(({ name, value }) => [name, value]));
}

/** better-sqlite3 types rows as unknown; our own columns are text, by the table's definition. */
function rowsOf<Row>(db: Database.Database, sql: string): Row[] {
  return db.prepare<[], Row>(sql).all();
}

function isDamaged(error: unknown): boolean {
  return error instanceof DamagedError || ['SQLITE_CORRUPT', 'SQLITE_NOTADB'].some((code) => reasonOf(error).startsWith(code));
}

function reasonOf(error: unknown): string {
  if (error instanceof DamagedError) return error.message;
  if (error instanceof Database.SqliteError) return error.code === 'SQLITE_BUSY' ? 'another process uses it' : error.code;
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
