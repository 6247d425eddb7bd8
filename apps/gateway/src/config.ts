import { z } from 'zod';

const count = (smallest: number, largest: number) => z.coerce.number().int().min(smallest).max(largest);

/** Everything that can be set from outside; the name of a variable follows from the name of the field. */
export const GatewayConfig = z.strictObject({
  port: count(0, 65_535).default(8889).describe('Where callers reach the gateway.'),
  host: z.string().default('127.0.0.1').describe('Address the gateway listens on; the default is reachable from the same machine only.'),
  trustProxy: z.stringbool().default(false).describe('Believe X-Forwarded-Proto of the proxy in front, which has to set it.'),
  maxStalenessSeconds: count(1, 86_400).default(300).describe('Age of the state after which standard tokens are refused.'),
  maxDirectStalenessSeconds: count(1, 2_592_000)
    .default(604_800)
    .describe('Age of the state after which direct access tokens are refused.'),
  maxSkewSeconds: count(0, 60).default(30).describe('Clock difference that the times in a token are allowed.'),
  maxBodyBytes: count(0, 1_073_741_824).default(10_485_760).describe('Size of the largest request body that is forwarded.'),
  airflowConnectTimeoutSeconds: count(1, 600).default(5).describe('How long connecting to Airflow may take.'),
  airflowAnswerTimeoutSeconds: count(1, 86_400).default(60).describe('How long Airflow may take until it begins to answer.'),
  airflowIdleTimeoutSeconds: count(1, 86_400).default(600).describe('How long an answer of Airflow may pause before it is cut.'),
  airflowProbeSeconds: count(1, 3_600).default(10).describe('How often the gateway looks whether Airflow answers, for /readyz.'),
  metricsForAll: z.stringbool().default(false).describe('Answer /metrics to every caller instead of those on this machine only.'),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('The least important log lines that are written.'),
});
export type GatewayConfig = z.infer<typeof GatewayConfig> & {
  /** `ASTROLABE_DATA`, shared with the other programs. */
  readonly dataFolder: string;
};

const prefix = 'ASTROLABE_GATEWAY_';

/** Everything that is wrong with the environment, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration from an environment.
 *
 * @throws ConfigError naming every mistake at once: a value that does not fit, an empty one, an unknown name under our prefix
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const mistakes: string[] = [];
  const fields = new Map(Object.keys(GatewayConfig.shape).map((field) => [variableOf(field), field]));
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(prefix) || value === undefined) continue;
    const field = fields.get(name);
    if (field === undefined) mistakes.push(`${name}: there is no such setting`);
    // Number('') is 0, which would be a port that nobody asked for
    else if (value.trim() === '') mistakes.push(`${name}: is set but empty`);
    else given[field] = value;
  }
  const parsed = GatewayConfig.safeParse(given);
  for (const issue of parsed.error?.issues ?? []) mistakes.push(`${variableOf(String(issue.path[0]))}: ${issue.message}`);
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(`The configuration is not valid. ${mistakes.join('; ')}.`);
  return { ...parsed.data, dataFolder: env.ASTROLABE_DATA || 'data' };
}

/** `maxSkewSeconds` is set by `ASTROLABE_GATEWAY_MAX_SKEW_SECONDS`. */
function variableOf(field: string): string {
  return prefix + field.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
