/** The API token a command acts with. It comes from the environment or a file, never from the command line (L-04). */
import { readFileSync, statSync } from 'node:fs';
import { CliError } from './exit.ts';

export interface Credential {
  readonly value: string;
  readonly organizationId: string;
  /** Absent for the token of an organization. */
  readonly workspaceId?: string;
}

export interface CredentialSources {
  readonly tokenFile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: number;
}

/**
 * Reads the claims without checking the signature: the server decides what the token is worth. Nothing is assumed about
 * its length or alphabet beyond what a JWT needs (F-04).
 *
 * @throws CliError `API Token is invalid or malformed` or `API Token is expired`; neither quotes the token
 */
export function readCredential(sources: CredentialSources): Credential {
  const { value, source } = findValue(sources);
  const claims = readClaims(value);
  const ids = claims && readIds(claims.permissions);
  const organizationId = ids?.get('organizationId');
  const expiresAt = claims && readExpiry(claims.exp);
  if (!claims || !ids || !organizationId || expiresAt === 'malformed') {
    throw new CliError(
      'API Token is invalid or malformed',
      `Look at ${source}: it must hold the whole value as it was shown once, three parts with dots between them. A value that is lost cannot be shown again; rotate the token.`,
    );
  }
  if (expiresAt !== undefined && expiresAt <= sources.nowMs) {
    const id = ids.get('apiTokenId');
    throw new CliError(
      'API Token is expired',
      `Token ${id ?? 'without id'} ended on ${new Date(expiresAt).toISOString()}. Someone else with the right can rotate it, for example: astro deployment token rotate ${id ?? '<token-id>'} --deployment-id=<id>\nWhere the data of the server is, astrolabe owner-token makes a new token of an Organization Owner.`,
    );
  }
  const workspaceId = ids.get('workspaceId');
  return { value, organizationId, ...(workspaceId ? { workspaceId } : {}) };
}

function findValue({ tokenFile, env }: CredentialSources): { value: string; source: string } {
  if (tokenFile) return { value: readSecretFile(tokenFile, 'The token').trim(), source: tokenFile };
  const value = env.ASTRO_API_TOKEN?.trim();
  if (value) return { value, source: 'ASTRO_API_TOKEN' };
  throw new CliError(
    'no API token was given',
    'Set ASTRO_API_TOKEN, for example to the owner token that the first start wrote: export ASTRO_API_TOKEN="$(cat data/owner-token)"',
  );
}

/** @throws CliError when the file is missing, or when others on this machine can read it */
export function readSecretFile(path: string, what: string): string {
  try {
    const { mode } = statSync(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new CliError(
        `others on this machine can read ${path}`,
        `${what} in it is a secret. Run chmod 600 ${path}, and replace the secret if others have seen it.`,
      );
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot read ${path}: ${reason(error)}`, 'Check the path and who owns the file.', { cause: error });
  }
}

/** The short word of a system error, such as `ENOENT`, or its message. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** The signature part may be anything that fits into a header. */
function readClaims(value: string): Record<string, unknown> | undefined {
  const parts = value.split('.');
  const [header, payload] = parts;
  if (parts.length !== 3 || !header || !payload || !/^[\x21-\x7e]+$/.test(value)) return undefined;
  return readObject(header) && readObject(payload);
}

function readObject(segment: string): Record<string, unknown> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(segment)) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'));
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Epoch milliseconds; undefined: never. A number that is no date is a mistake, and no end far away. */
function readExpiry(exp: unknown): number | 'malformed' | undefined {
  if (typeof exp !== 'number') return undefined;
  return Number.isNaN(new Date(exp * 1000).getTime()) ? 'malformed' : exp * 1000;
}

/** Entries are `kind:id`; kinds we do not know are passed over. */
function readIds(permissions: unknown): Map<string, string> | undefined {
  if (!Array.isArray(permissions)) return undefined;
  const entries: unknown[] = permissions;
  const ids = new Map<string, string>();
  for (const entry of entries) {
    if (typeof entry !== 'string') return undefined;
    const colon = entry.indexOf(':');
    if (colon > 0) ids.set(entry.slice(0, colon), entry.slice(colon + 1));
  }
  return ids;
}

/** A JSON object; lists and null are none. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
