import { resolve } from 'node:path';
import { BaseUrl } from '@astrolabe/contract';
import { z } from 'zod';

const rate = z.coerce.number().int().min(1).max(1_000_000);

/** Settings of the control plane. The variable is `ASTROLABE_SERVER_` and the name in capitals. */
export const ServerConfig = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address the server listens on. Tokens are accepted over TLS or from loopback only.'),
  port: z.coerce.number().int().min(0).max(65_535).default(8888).describe('Port the server listens on.'),
  publicUrl: BaseUrl.default('http://127.0.0.1:8888').describe(
    'Where clients reach the server. Becomes the `iss` of every token at the first start; later values add an accepted issuer.',
  ),
  databaseUrl: z
    .string()
    .regex(/^(sqlite:.|postgres(ql)?:\/\/)/, 'must begin with sqlite: or postgres://')
    .refine((url) => url.startsWith('sqlite:') || URL.canParse(url), 'is not an address that can be read')
    .optional()
    .describe('`sqlite:<file>` or `postgres://…`. Default: server.db in the data folder.'),
  trustProxy: z.stringbool().default(false).describe('Believe X-Forwarded-Proto and X-Forwarded-For of the proxy in front.'),
  tokenAlgorithm: z.enum(['ES256', 'EdDSA', 'RS256']).default('ES256').describe('Algorithm of the first token signing key.'),
  getsPerSecond: rate.default(25).describe('GET requests a token may make in a second.'),
  postsPerSecond: rate.default(10).describe('POST requests a token may make in a second.'),
  deletesPerSecond: rate.default(5).describe('DELETE requests a token may make in a second.'),
  metricsForAll: z.stringbool().default(false).describe('Answer /metrics to every caller instead of those on this machine only.'),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('Least severe line that is logged.'),
});

/** `ASTROLABE_SERVER_…` with the folders and keys that the programs share. */
export type ServerConfig = z.infer<typeof ServerConfig> & {
  /** `ASTROLABE_DATA`, absolute. */
  readonly dataDir: string;
  /** `ASTROLABE_KEYS`, absolute. */
  readonly keysDir: string;
  /** `ASTROLABE_MASTER_KEY`: the key itself, base64, instead of a file. */
  readonly masterKey?: string;
};

/** What is wrong with the environment, every mistake at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const prefix = 'ASTROLABE_SERVER_';

/** @throws ConfigError naming every variable that is wrong or unknown */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): ServerConfig {
  const names = new Map(Object.keys(ServerConfig.shape).map((field) => [variableOf(field), field]));
  const given: Record<string, string> = {};
  const mistakes: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || value === undefined) continue;
    const field = names.get(name);
    if (!field) mistakes.push(`${name} is not a setting of the server`);
    // Number('') is 0, a port nobody asked for
    else if (value.trim() === '') mistakes.push(`${name} is set but empty`);
    else given[field] = value;
  }
  // an empty secret is a mistake of whoever hands it over; another key must not be made in its place (S-07)
  for (const name of ['ASTROLABE_MASTER_KEY', 'ASTROLABE_KEYS'])
    if (environment[name]?.trim() === '') mistakes.push(`${name} is set but empty`);
  const parsed = ServerConfig.safeParse(given);
  if (!parsed.success) mistakes.push(...parsed.error.issues.map((issue) => `${variableOf(String(issue.path[0]))}: ${issue.message}`));
  if (mistakes.length > 0 || !parsed.success) throw new ConfigError(mistakes.join('; '));
  const dataDir = resolve(environment.ASTROLABE_DATA || 'data');
  return {
    ...parsed.data,
    dataDir,
    keysDir: resolve(environment.ASTROLABE_KEYS || `${dataDir}/keys`),
    ...(environment.ASTROLABE_MASTER_KEY ? { masterKey: environment.ASTROLABE_MASTER_KEY } : {}),
  };
}

const variableOf = (field: string): string => prefix + field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
