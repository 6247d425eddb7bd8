/** Files that hold secrets: mode 0600 in a folder of mode 0700, and never half written. */
import { chmodSync, closeSync, constants, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { reason } from './credential.ts';
import { CliError } from './exit.ts';

/**
 * Makes the folder, with those above it, for its owner alone. One that is there already stays as it is, as long as
 * nobody else can get in.
 *
 * @throws CliError
 */
export function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CliError(`cannot make the folder ${path}: ${reason(error)}`, 'Choose another folder, or make it writable for you.', {
      cause: error,
    });
  }
  if (process.platform === 'win32' || (statSync(path).mode & 0o077) === 0) return;
  throw new CliError(`others on this machine can look into ${path}`, `Secrets go there. Run chmod 700 ${path}, or choose another folder.`);
}

/**
 * A file that will appear under its name only when all of it is on the disk. Opening it first shows whether it can be
 * written at all, before anything is made that would be lost with it.
 */
export interface PendingFile {
  /** @throws CliError */
  finish(text: string): void;
  discard(): void;
}

/** @throws CliError when there is no way to write there */
export function openPrivateFile(path: string): PendingFile {
  const temporary = `${path}.new`;
  const descriptor = guarded(path, () => {
    rmSync(temporary, { force: true });
    return openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  });
  return {
    finish: (text) =>
      guarded(path, () => {
        chmodSync(temporary, 0o600); // the umask may have taken more away than the owner can do without
        writeFileSync(descriptor, text);
        fsyncSync(descriptor);
        closeSync(descriptor);
        renameSync(temporary, path);
        syncFolder(dirname(path));
      }),
    discard: () => {
      closeSync(descriptor);
      rmSync(temporary, { force: true });
    },
  };
}

/** The new name is on the disk only with its folder. Windows cannot open folders, and needs no such thing. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function guarded<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new CliError(`cannot write ${path}: ${reason(error)}`, 'Make the folder writable for you, or choose another.', { cause: error });
  }
}
