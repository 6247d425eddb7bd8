import { ConfigError, type ServerConfig } from './config.ts';
import { StartError } from './start-error.ts';
import { isUnavailable } from './store/dialect.ts';
import { NewerDatabase } from './store/migrate.ts';

/**
 * Why the start failed, in one sentence for the person at the terminal. A fault that nobody foresaw gets its message; its
 * stack is for the log.
 */
export function sentenceFor(error: unknown, config?: ServerConfig): string {
  if (error instanceof ConfigError) return `The configuration is not valid: ${error.message}.`;
  if (error instanceof StartError) return error.message;
  if (error instanceof NewerDatabase) {
    return `The database was written by a newer version of Astrolabe (${error.message}). Start that version, or restore a copy from before it.`;
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const where = `port ${config?.port} on ${config?.host}`;
  if (code === 'EADDRINUSE') return `The ${where} is taken. Stop what listens there, or set ASTROLABE_SERVER_PORT to another one.`;
  const isOfHost = error instanceof Error && 'hostname' in error && error.hostname === config?.host; // not the database's
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || isOfHost) {
    return `The server cannot listen on ${where} (${code}). Set ASTROLABE_SERVER_PORT or ASTROLABE_SERVER_HOST.`;
  }
  if (isUnavailable(error)) {
    return `The database cannot be used (${code}). Look at ${config?.databaseUrl ? 'ASTROLABE_SERVER_DATABASE_URL' : `server.db in ${config?.dataDir}`}.`;
  }
  return `The server could not start: ${error instanceof Error ? error.message : 'unknown error'}`;
}

/** Whether somebody should look at the stack: the sentence says everything about the faults we foresaw. */
export const isUnforeseen = (error: unknown): boolean => sentenceFor(error).startsWith('The server could not start');
