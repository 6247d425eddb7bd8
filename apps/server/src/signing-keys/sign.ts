import { sign } from 'node:crypto';
import { product, type SignedType } from '@astrolabe/verify';
import type { SigningKey } from './signing-keys.ts';

/**
 * A compact JWS (RFC 7515). Header members always come in this order, so that the first characters are constant and a secret
 * scanner can match them (design section 4).
 */
export function signCompact(type: SignedType, key: SigningKey, payload: object): string {
  const header = encode(JSON.stringify({ typ: type, prd: product, alg: key.algorithm, kid: key.keyId }));
  const input = `${header}.${encode(JSON.stringify(payload))}`;
  return `${input}.${signature(key, Buffer.from(input)).toString('base64url')}`;
}

function signature(key: SigningKey, input: Buffer): Buffer {
  if (key.algorithm === 'EdDSA') return sign(null, input, key.privateKey);
  if (key.algorithm === 'RS256') return sign('sha256', input, key.privateKey);
  return sign('sha256', input, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }); // JOSE wants r ‖ s (RFC 7518 §3.4)
}

const encode = (text: string): string => Buffer.from(text).toString('base64url');
