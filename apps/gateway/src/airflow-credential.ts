import { createHmac, createPrivateKey, createSecretKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { AirflowCredential } from '@astrolabe/contract';
import type { AirflowRole } from './airflow-table.ts';

/** Whom Airflow's audit log will name. */
interface AirflowSubject {
  readonly tokenId: string;
  readonly tokenName: string;
}

export interface Minter {
  /**
   * The `Authorization` header for Airflow: a JWT of its own for each token and role, good for a minute and kept for most of it.
   * Costs a map look-up, and one signature every 40 s for each pair.
   */
  mint(subject: AirflowSubject, role: AirflowRole): string;
}

const backdatedSeconds = 30; // Airflow allows 10 s of clock difference and no more
const livesSeconds = 60;
const renewedBeforeEndMs = 20_000; // longer than a request waits before it reaches Airflow
const maxSubjectCharacters = 500; // the column in Airflow's database
const maxKept = 10_000;

interface Minted {
  readonly authorization: string;
  readonly tokenName: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Makes Airflow tokens with what `astrolabe airflow prepare` wrote.
 *
 * @throws Error when the key of `own-key` is not a private Ed25519 key; the message quotes nothing of it
 */
export function createMinter(credential: AirflowCredential, now: () => number): Minter {
  const signer = createSigner(credential);
  const claimsOfAll = { aud: credential.audience, ...(credential.issuer === undefined ? {} : { iss: credential.issuer }) };
  const kept = new Map<string, Minted>();
  return {
    mint(subject, role) {
      const at = now();
      const key = `${role} ${subject.tokenId}`;
      const known = kept.get(key);
      // from both sides: after the clock was set back, a kept one would not be valid yet
      if (known && known.tokenName === subject.tokenName && at >= known.fromMs && at < known.untilMs) return known.authorization;
      const seconds = Math.floor(at / 1000);
      const value = signer({
        ...claimsOfAll,
        sub: subjectOf(subject),
        role,
        iat: seconds - backdatedSeconds,
        nbf: seconds - backdatedSeconds,
        exp: seconds + livesSeconds,
        jti: randomBytes(16).toString('base64url'),
      });
      const minted = {
        authorization: `Bearer ${value}`,
        tokenName: subject.tokenName,
        fromMs: at,
        untilMs: (seconds + livesSeconds) * 1000 - renewedBeforeEndMs,
      };
      if (kept.size >= maxKept) dropEnded(kept, at);
      kept.set(key, minted);
      return minted.authorization;
    },
  };
}

/** The token's id, then its name as far as Airflow can show it: 1 to 500 characters, none of them invisible or half a pair. */
function subjectOf({ tokenId, tokenName }: AirflowSubject): string {
  const visible = tokenName.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');
  return Array.from(`${tokenId} ${visible}`.trim()).slice(0, maxSubjectCharacters).join('');
}

function createSigner(credential: AirflowCredential): (claims: Readonly<Record<string, string | number>>) => string {
  if (credential.way === 'shared-secret') {
    const secret = createSecretKey(credential.secret, 'utf8');
    const header = encodeJson({ alg: 'HS512', typ: 'JWT' });
    return (claims) => {
      const input = `${header}.${encodeJson(claims)}`;
      return `${input}.${createHmac('sha512', secret).update(input).digest('base64url')}`;
    };
  }
  const key = readPrivateKey(credential.privateKey);
  const header = encodeJson({ alg: 'EdDSA', kid: credential.keyId, typ: 'JWT' });
  return (claims) => {
    const input = `${header}.${encodeJson(claims)}`;
    return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
  };
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    key = undefined; // its message may quote the text
  }
  if (key?.asymmetricKeyType !== 'ed25519') throw new Error('the private key for Airflow is not an Ed25519 key in PKCS 8 PEM');
  return key;
}

function encodeJson(value: Readonly<Record<string, string | number>>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** More tokens than that within a minute is unlikely; starting anew costs a signature each. */
function dropEnded(kept: Map<string, Minted>, at: number): void {
  for (const [key, minted] of kept) if (at >= minted.untilMs) kept.delete(key);
  if (kept.size >= maxKept) kept.clear();
}
