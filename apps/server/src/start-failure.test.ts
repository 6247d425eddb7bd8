import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { start } from './start.ts';
import { sentenceFor } from './start-failure.ts';

const root = mkdtempSync(join(tmpdir(), 'astrolabe-start-'));
const dataDir = join(root, 'data');
const keyFile = join(dataDir, 'keys', 'master.key');
const configOf = (environment: Record<string, string> = {}) => loadConfig({ ASTROLABE_DATA: dataDir, ...environment });

/** What the person at the terminal reads; an empty text when it starts. */
async function sentence(environment: Record<string, string> = {}): Promise<string> {
  const config = configOf(environment);
  try {
    openDataFolder(config.dataDir);
    const started = await start(config, pino({ enabled: false }));
    await started.close();
    return '';
  } catch (error) {
    return sentenceFor(error, config);
  }
}

beforeAll(async () => {
  expect(await sentence()).toBe('');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the data folder', () => {
  test('is made for its owner alone', () => {
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });

  test('that others can read is refused, and nothing is written into it', async () => {
    const open = mkdtempSync(join(root, 'open-'));
    for (const mode of [0o750, 0o705, 0o711]) {
      chmodSync(open, mode);
      const said = await sentence({ ASTROLABE_DATA: open });
      expect(said).toBe(`The data folder ${open} can be read by others. Make it yours alone with \`chmod go-rwx ${open}\`.`);
    }
    expect(readdirSync(open)).toEqual([]);
  });

  test('that cannot be made or written is refused', async () => {
    const notAFolder = join(root, 'file', 'data');
    writeFileSync(join(root, 'file'), '');
    expect(await sentence({ ASTROLABE_DATA: notAFolder })).toContain(`The data folder ${notAFolder} cannot be used (ENOTDIR).`);
    if (process.getuid?.() === 0) return; // root writes everywhere
    const readOnly = mkdtempSync(join(root, 'read-only-'));
    chmodSync(readOnly, 0o500);
    expect(await sentence({ ASTROLABE_DATA: readOnly })).toContain('cannot be used (EACCES)');
  });
});

describe('the master key', () => {
  test('S-06 that others can read stops the start, in its folder too', async () => {
    for (const path of [keyFile, join(dataDir, 'keys')]) {
      const { mode } = statSync(path);
      chmodSync(path, mode | 0o040);
      expect(await sentence()).toContain(`${path} can be read by others`);
      chmodSync(path, mode);
    }
  });

  test('S-07 that is missing is never made anew for a database that exists', async () => {
    const key = readFileSync(keyFile);
    rmSync(keyFile);
    expect(await sentence()).toContain(`The database is there but its master key is not: ${keyFile} is missing.`);
    expect(existsSync(keyFile)).toBe(false);
    writeFileSync(keyFile, key, { mode: 0o600 });
    expect(await sentence()).toBe('');
  });

  test.each([
    ['short', Buffer.from('short').toString('base64'), 'does not hold a master key'],
    ['not base64', '§'.repeat(44), 'does not hold a master key'],
    ['all zeros', Buffer.alloc(32).toString('base64'), 'not random'],
    ['of another database', Buffer.from('another key of thirty-two bytes!').toString('base64'), 'is not the one that sealed this database'],
  ])('S-07 %s stops the start, and is not repeated', async (_name, key, said) => {
    const text = await sentence({ ASTROLABE_MASTER_KEY: key });
    expect(text).toContain(said);
    expect(text).not.toContain(key);
  });
});

describe('the database', () => {
  test('of a newer version is left as it is', async () => {
    const database = new Database(join(dataDir, 'server.db'));
    database.exec(`insert into kysely_migration (name, timestamp) values ('9999-later', '2030')`);
    expect(await sentence()).toMatch(/^The database was written by a newer version of Astrolabe \(.*9999-later.*\)/);
    database.exec(`delete from kysely_migration where name = '9999-later'`);
    database.close();
    expect(await sentence()).toBe('');
  });

  test('that is none', async () => {
    const folder = mkdtempSync(join(root, 'none-'));
    writeFileSync(join(folder, 'server.db'), 'whatever its name says, this is not a database. '.repeat(40));
    expect(await sentence({ ASTROLABE_DATA: folder })).toBe(`The database cannot be used (SQLITE_NOTADB). Look at server.db in ${folder}.`);
  });

  test('on a server that does not answer, without the password in its address', async () => {
    const said = await sentence({ ASTROLABE_SERVER_DATABASE_URL: 'postgres://user:canary@127.0.0.1:1/x' });
    expect(said).toBe('The database cannot be used (ECONNREFUSED). Look at ASTROLABE_SERVER_DATABASE_URL.');
  });
});

describe('the configuration', () => {
  test.each(['ASTROLABE_MASTER_KEY', 'ASTROLABE_KEYS'])('S-07 an empty %s stops the start before anything is made in its place', (name) => {
    expect(() => configOf({ [name]: '' })).toThrow(`${name} is set but empty`);
    expect(() => configOf({ [name]: ' \n' })).toThrow(`${name} is set but empty`);
  });

  test.each([
    ['with credentials', 'https://user:canary@tokens.example'],
    ['with a query', 'https://tokens.example/?canary'],
    ['with a fragment', 'https://tokens.example/#canary'],
    ['of another scheme', 'ftp://canary.example'],
  ])('a public address %s is refused: it stands in every token', (_name, url) => {
    expect(() => configOf({ ASTROLABE_SERVER_PUBLIC_URL: url })).toThrow(/^ASTROLABE_SERVER_PUBLIC_URL: (?!.*canary)/);
  });

  test('a public address has no slash at its end', () => {
    expect(configOf({ ASTROLABE_SERVER_PUBLIC_URL: 'https://tokens.example//' }).publicUrl).toBe('https://tokens.example');
  });

  test.each(['mysql://user:canary@host/db', 'postgres://user:canary@host:bad/db', './canary.db', 'sqlite:'])(
    'the database address %s is refused and not repeated',
    (url) => {
      expect(() => configOf({ ASTROLABE_SERVER_DATABASE_URL: url })).toThrow(/^ASTROLABE_SERVER_DATABASE_URL: (?!.*canary)/);
    },
  );

  test('a host that is nowhere is not taken for the database', () => {
    const config = configOf({ ASTROLABE_SERVER_HOST: 'nowhere.invalid' });
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND', hostname: 'nowhere.invalid' });
    expect(sentenceFor(error, config)).toContain('cannot listen on port 8888 on nowhere.invalid');
  });
});

test('a fault that nobody foresaw says what it is', () => {
  expect(sentenceFor(new TypeError('x is not a function'))).toBe('The server could not start: x is not a function');
});
