import { Buffer } from 'node:buffer';
import { verify } from 'node:crypto';
import { isCanonicalScalar, isProperPoint } from './ed25519.ts';
import type { VerificationKey } from './keys.ts';

const p256Order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const zero = Buffer.alloc(32);

/**
 * Is `signature` by `key` over `message`?
 *
 * The edge cases that implementations have got wrong are refused here, before the library is asked (J-11):
 * ECDSA r and s of zero or past the group's order (CVE-2022-21449), Ed25519 R of small order and S past the order.
 */
export function isSignatureGood(key: VerificationKey, message: Buffer, signature: Buffer): boolean {
  switch (key.algorithm) {
    case 'ES256':
      if (signature.length !== 64 || !isEcdsaScalar(signature.subarray(0, 32)) || !isEcdsaScalar(signature.subarray(32))) return false;
      return verify('sha256', message, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'EdDSA':
      if (signature.length !== 64 || !isProperPoint(signature.subarray(0, 32)) || !isCanonicalScalar(signature.subarray(32))) return false;
      return verify(null, message, key.key, signature);
    case 'RS256':
      return verify('sha256', message, key.key, signature);
  }
}

function isEcdsaScalar(bytes: Buffer): boolean {
  return bytes.compare(zero) > 0 && bytes.compare(p256Order) < 0;
}
