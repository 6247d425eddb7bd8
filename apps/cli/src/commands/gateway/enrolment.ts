/** What `gateway enrol` reads: Airflow's credential, and the file of an earlier enrolment. */
import { existsSync, readFileSync } from 'node:fs';
import type { AirflowCredential, GatewayEnrolment } from '@astrolabe/contract';
import { isObject, readSecretFile, reason } from '../../credential.ts';
import { CliError } from '../../exit.ts';

/** @throws CliError unless it is what `astrolabe airflow prepare` wrote; quotes nothing of it */
export function readAirflowCredential(path: string): AirflowCredential {
  const found = parseObject(readSecretFile(path, "Airflow's credential"));
  if (found && isAirflowCredential(found)) return found;
  throw new CliError(
    `${path} is not a credential for Airflow`,
    'astrolabe airflow prepare --out <folder> writes one; it is the file gateway-credential.json in that folder.',
  );
}

/** @throws CliError for a file that cannot be read or is not an enrolment */
export function readEnrolment(path: string): GatewayEnrolment | undefined {
  if (!existsSync(path)) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${reason(error)}`, 'Run this as the user the gateway runs as.', { cause: error });
  }
  const found = parseObject(text);
  if (found && isEnrolment(found)) return found;
  throw new CliError(`${path} is not the enrolment of a gateway`, 'Add --force to replace it.');
}

/** The gateway checks every member again with the schema; this is to be told now rather than there. */
function isAirflowCredential(value: Record<string, unknown>): value is AirflowCredential & Record<string, unknown> {
  const { way, keyId, privateKey, secret } = value;
  if (way === 'shared-secret') return typeof secret === 'string' && secret.length >= 64;
  return way === 'own-key' && typeof keyId === 'string' && typeof privateKey === 'string' && privateKey.includes('PRIVATE KEY');
}

function isEnrolment(value: Record<string, unknown>): value is GatewayEnrolment & Record<string, unknown> {
  const { version, deploymentId, organizationId, serverUrl, agentToken } = value;
  return version === 1 && [deploymentId, organizationId, serverUrl, agentToken].every((member) => typeof member === 'string');
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
