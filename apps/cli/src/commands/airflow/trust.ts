/** The files with which an Airflow 3 trusts the tokens of its gateway (`reference/airflow.md` 3.3 and 3.4). */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { AirflowCredential, PublicKey } from '@astrolabe/contract';

export interface PreparedFile {
  readonly name: string;
  readonly text: string;
  /** For the person who reads the list. */
  readonly purpose: string;
}

/** What Airflow expects in `aud` as long as nobody sets `[api_auth] jwt_audience`. */
const audience = 'apache-airflow';

/**
 * Airflow signs with a key of its own and believes those in a JWKS file: its own, without which no task could report,
 * and two of the gateway, so that a change of the gateway's key needs no restart of Airflow.
 */
export function prepareOwnKey(folder: string): PreparedFile[] {
  const [airflow, current, next] = [makeKey(), makeKey(), makeKey()];
  const credential: AirflowCredential = {
    way: 'own-key',
    keyId: current.jwk.kid,
    privateKey: current.privateKey,
    next: { keyId: next.jwk.kid, privateKey: next.privateKey },
    audience,
  };
  const settings = {
    AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH: join(folder, 'airflow-key.pem'),
    AIRFLOW__API_AUTH__JWT_KID: airflow.jwk.kid,
    AIRFLOW__API_AUTH__TRUSTED_JWKS_URL: join(folder, 'jwks.json'),
    AIRFLOW__API_AUTH__JWT_ALGORITHM: 'EdDSA',
  };
  return [
    { name: 'airflow-key.pem', text: airflow.privateKey, purpose: 'secret: the key Airflow signs with' },
    {
      name: 'jwks.json',
      text: json({ keys: [airflow.jwk, current.jwk, next.jwk] }),
      purpose: 'whom Airflow believes: itself and its gateway',
    },
    { name: 'airflow.env', text: environmentFile(settings), purpose: 'settings for every part of Airflow' },
    { name: 'gateway-credential.json', text: json(credential), purpose: 'secret: for the gateway' },
  ];
}

/** Gateway and Airflow sign with one secret: simpler, but who has it may do everything in that Airflow. */
export function prepareSharedSecret(): PreparedFile[] {
  const secret = randomBytes(64).toString('base64url'); // Airflow takes the text as it is and wants 64 bytes for HS512
  const credential: AirflowCredential = { way: 'shared-secret', secret, audience };
  const settings = {
    AIRFLOW__API_AUTH__JWT_SECRET: secret,
    AIRFLOW__API_AUTH__JWT_ALGORITHM: 'HS512',
    // Empty, because a key or a key file left in airflow.cfg would win over the secret.
    AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH: '',
    AIRFLOW__API_AUTH__TRUSTED_JWKS_URL: '',
  };
  return [
    { name: 'airflow.env', text: environmentFile(settings), purpose: 'secret: settings for every part of Airflow' },
    { name: 'gateway-credential.json', text: json(credential), purpose: 'secret: for the gateway' },
  ];
}

function makeKey(): { privateKey: string; jwk: PublicKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x } = publicKey.export({ format: 'jwk' });
  if (x === undefined) throw new Error('an Ed25519 key without x');
  const kid = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url'); // RFC 7638
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' },
  };
}

/** No quotes and no `export`: Docker, systemd and a shell read the same thing. */
function environmentFile(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
