/**
 * What the disk gives: durable SQLite transactions of two small rows each, one after the other, with nothing around them.
 * Run by `run.ts` as `node bare.ts <file> <seconds>`; prints transactions per second.
 */
import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';

const [file = '', seconds = ''] = process.argv.slice(2);
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec('create table if not exists token (id text primary key, name text not null, at integer not null)');
db.exec('create table if not exists audit_event (id integer primary key, token_id text not null, body text not null)');
const insertToken = db.prepare('insert into token (id, name, at) values (?, ?, ?)');
const insertAudit = db.prepare('insert into audit_event (token_id, body) values (?, ?)');
const body = 'x'.repeat(200);
const createOne = db.transaction((id: string, count: number) => {
  insertToken.run(id, `token ${count}`, Date.now());
  insertAudit.run(id, body);
});

const start = performance.now();
let count = 0;
while (performance.now() - start < Number(seconds) * 1000) createOne(randomBytes(12).toString('hex'), count++);
console.log(Math.round(count / ((performance.now() - start) / 1000)));
db.close();
