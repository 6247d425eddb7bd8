/** Astrolabe tokens, checked offline: signed value in, principal out. Depends on nothing but `node:crypto`. */
export {
  checkClaims,
  type DeploymentGrants,
  type ExpectedClaims,
  type FrozenGrants,
  hashJti,
  type TokenClaims,
  type TokenKind,
} from './claims.ts';
export { type VerificationCode, VerificationError, verificationCodes } from './errors.ts';
export {
  type Algorithm,
  detectionPattern,
  maxTokenBytes,
  type ObjectType,
  product,
  type SignedType,
  signedTypes,
  type TokenType,
} from './format.ts';
export { importKey, importKeys, type KeySet, type PublicJwk, thumbprint, type VerificationKey } from './keys.ts';
export { createSignatureCache, type SignatureCache, type SignatureCacheOptions } from './signature-cache.ts';
export { type SignedObject, type SignedToken, verifySignedObject, verifySignedToken } from './signed.ts';
export { createVerifier, type Principal, type Verifier, type VerifierOptions } from './verifier.ts';
