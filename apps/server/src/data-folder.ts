import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { StartError } from './start-error.ts';

/**
 * Makes the folder that everything is kept in, or finds it as we left it: its owner's alone.
 * @throws StartError in words for the person at the terminal
 */
export function openDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { mode } = statSync(folder);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new StartError(`The data folder ${folder} can be read by others. Make it yours alone with \`chmod go-rwx ${folder}\`.`);
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new StartError(`The data folder ${folder} cannot be used (${code}). Make it writable, or name another one in ASTROLABE_DATA.`);
  }
}
