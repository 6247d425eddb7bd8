/** The installation's key pairs: who signs now, and which public halves are still good. Design sections 3 and 4. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Algorithm, importKeys, type KeySet, type PublicJwk, thumbprint } from '@astrolabe/verify';
import type { Sealing } from '../sealing.ts';
import type { Db } from '../store/open.ts';
import type { SigningKeyRow } from '../store/schema.ts';
import { listSigningKeys } from '../store/signing-keys.ts';

/** A key pair that may sign. The private half never leaves the process. */
export interface SigningKey {
  readonly keyId: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: PublicJwk;
}

export interface SigningKeys {
  /** The key that signs now. */
  current(use: SigningKeyRow['use']): SigningKey;
  /** Public halves that verifiers should hold: next, current and retired, never revoked. */
  published(use: SigningKeyRow['use']): readonly PublicJwk[];
  /** The published token keys, ready to verify with. */
  readonly tokenKeys: KeySet;
}

/** @throws when a use has no current key, or a key was sealed under another master key */
export async function loadSigningKeys(db: Db, sealing: Sealing): Promise<SigningKeys> {
  const rows = (await listSigningKeys(db)).filter((row) => row.state !== 'revoked');
  const currents = new Map<string, SigningKey>();
  for (const row of rows) {
    if (row.state !== 'current') continue;
    const privateKey = createPrivateKey(sealing.open(row.sealedPrivateKey, sealingContext(row.id)));
    currents.set(row.use, { keyId: row.id, algorithm: row.algorithm, privateKey, publicKey: publicKeyOf(row) });
  }
  const published = {
    token: rows.filter((row) => row.use === 'token').map(publicKeyOf),
    feed: rows.filter((row) => row.use === 'feed').map(publicKeyOf),
  };
  return {
    current(use) {
      const key = currents.get(use);
      if (!key) throw new Error(`there is no current ${use} key`);
      return key;
    },
    published: (use) => published[use],
    tokenKeys: importKeys({ keys: published.token }),
  };
}

/** A new key pair as a row; its `kid` is the RFC 7638 thumbprint of the public half. */
export function createSigningKey(
  use: SigningKeyRow['use'],
  algorithm: Algorithm,
  state: SigningKeyRow['state'],
  sealing: Sealing,
  now: number,
): SigningKeyRow {
  const { privateKey, publicKey } = generatePair(algorithm);
  const bare = { ...publicKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: '' } as PublicJwk; // Node's JWK type knows no alg
  const keyId = thumbprint(bare);
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return {
    id: keyId,
    use,
    algorithm,
    state,
    publicKey: JSON.stringify({ ...bare, kid: keyId }),
    sealedPrivateKey: sealing.seal(pem, sealingContext(keyId)),
    createdAt: now,
  };
}

function generatePair(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 3072 });
  return generateKeyPairSync('ed25519');
}

const sealingContext = (keyId: string): string => `signing_key:${keyId}`;

const publicKeyOf = (row: SigningKeyRow): PublicJwk => JSON.parse(row.publicKey) as PublicJwk; // written by createSigningKey
