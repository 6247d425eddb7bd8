import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from './config.ts';
import { StartError } from './start-error.ts';

const keyBytes = 32;

/**
 * The key that seals private keys and secret values: `ASTROLABE_MASTER_KEY`, or `master.key` in the keys folder. It is made
 * on the first start only; nothing is ever generated for a database that exists (S-07).
 * @throws StartError in words for the person at the terminal
 */
export function openMasterKey(config: ServerConfig, options: { mayCreate: boolean }): Buffer {
  if (config.masterKey !== undefined) return decode(config.masterKey, 'ASTROLABE_MASTER_KEY');
  const file = join(config.keysDir, 'master.key');
  if (existsSync(file)) {
    refuseReadableByOthers(config.keysDir);
    refuseReadableByOthers(file);
    return decode(readFileSync(file, 'utf8').trim(), file);
  }
  if (!options.mayCreate) {
    throw new StartError(
      `The database is there but its master key is not: ${file} is missing. Put it back, or set ASTROLABE_MASTER_KEY or ASTROLABE_KEYS.`,
    );
  }
  mkdirSync(config.keysDir, { recursive: true, mode: 0o700 });
  chmodSync(config.keysDir, 0o700);
  const key = randomBytes(keyBytes);
  writeFileSync(file, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true }); // on the disk before what it seals
  return key;
}

function decode(text: string, where: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== keyBytes || key.toString('base64') !== text) {
    throw new StartError(`${where} does not hold a master key: ${keyBytes} bytes in base64 are expected.`);
  }
  if (new Set(key).size < 8)
    throw new StartError(`${where} holds a master key that is not random. Make one with \`openssl rand -base64 32\`.`);
  return key;
}

/** S-06: a key file that others can read is not a secret any more. */
function refuseReadableByOthers(path: string): void {
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
    throw new StartError(`${path} can be read by others. Make it yours alone with \`chmod go-rwx ${path}\`.`);
  }
}
