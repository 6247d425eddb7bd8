import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { isProperPoint } from './ed25519.ts';
import { decodeBase64url } from './encoding.ts';
import type { Algorithm } from './format.ts';

/** A public signing key as JWK (RFC 7517). `kid`, `alg` and `use` are always there. */
export interface PublicJwk {
  readonly kty: 'EC' | 'OKP' | 'RSA';
  readonly kid: string;
  readonly alg: Algorithm;
  readonly use: 'sig';
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

/** A checked public key, bound to its one algorithm (J-03). */
export interface VerificationKey {
  readonly keyId: string;
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
}

/** Keys by `keyId`. */
export type KeySet = ReadonlyMap<string, VerificationKey>;

/** What a `kid` may look like: nothing that could mean something to a path, a query or a JSON text (J-05). */
export const keyIdPattern = '[A-Za-z0-9_-]{1,128}';

const keyIdForm = new RegExp(`^${keyIdPattern}$`);
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const minRsaBits = 2048;
const maxRsaBits = 4096; // larger ones make every refusal expensive

/**
 * Checks a public key and makes it ready for use.
 *
 * Members that are not ours are ignored, as RFC 7517 §4 asks, except private ones: a private key has no business here.
 *
 * @throws TypeError with a message that names the member at fault and holds no key material
 */
export function importKey(jwk: PublicJwk): VerificationKey {
  for (const member of privateMembers) if (member in jwk) fail(`it holds the private member "${member}"`);
  if (typeof jwk.kid !== 'string' || !keyIdForm.test(jwk.kid)) fail('"kid" is not 1 to 128 characters of A-Z a-z 0-9 _ -');
  if (jwk.use !== 'sig') fail('"use" is not "sig"');
  return Object.freeze({ keyId: jwk.kid, algorithm: jwk.alg, key: createKey(jwk) });
}

/**
 * Imports a JWK Set.
 *
 * @throws TypeError when one key is refused or two have the same `kid`: half a key set is not a smaller one, it is a fault
 */
export function importKeys(jwks: { readonly keys: readonly PublicJwk[] }): KeySet {
  const keys = new Map<string, VerificationKey>();
  for (const jwk of jwks.keys) {
    const key = importKey(jwk);
    if (keys.has(key.keyId)) fail('another key of the set has the same "kid"');
    keys.set(key.keyId, key);
  }
  return keys;
}

/** The RFC 7638 thumbprint, SHA-256, base64url: the same for the same key, whatever its `kid`. */
export function thumbprint(jwk: PublicJwk): string {
  const required = requiredMembers(jwk);
  if (Object.values(required).some((member) => typeof member !== 'string')) fail('a member that its "kty" needs is missing');
  return hash('sha256', JSON.stringify(required), 'base64url');
}

/** What RFC 7638 §3.2 hashes, in its order. */
function requiredMembers({ kty, crv, x, y, n, e }: PublicJwk) {
  switch (kty) {
    case 'EC':
      return { crv, kty, x, y };
    case 'OKP':
      return { crv, kty, x };
    case 'RSA':
      return { e, kty, n };
    default:
      fail('"kty" is not EC, OKP or RSA');
  }
}

function createKey(jwk: PublicJwk): KeyObject {
  switch (jwk.alg) {
    case 'ES256':
      return createEcKey(jwk);
    case 'EdDSA':
      return createEd25519Key(jwk);
    case 'RS256':
      return createRsaKey(jwk);
    default:
      fail('"alg" is not ES256, EdDSA or RS256');
  }
}

function createEcKey(jwk: PublicJwk): KeyObject {
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256') fail('ES256 needs "kty" EC and "crv" P-256');
  const { x, y } = jwk;
  if (bytesOf(x, 'x').length !== 32 || bytesOf(y, 'y').length !== 32) fail('a coordinate is not 32 bytes long');
  return publicKey({ kty: 'EC', crv: 'P-256', x, y }); // refuses a point that is not on the curve
}

function createEd25519Key(jwk: PublicJwk): KeyObject {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519') fail('EdDSA needs "kty" OKP and "crv" Ed25519');
  const { x } = jwk;
  if (!isProperPoint(bytesOf(x, 'x'))) fail('"x" is not a canonical point of large order');
  return publicKey({ kty: 'OKP', crv: 'Ed25519', x });
}

function createRsaKey(jwk: PublicJwk): KeyObject {
  if (jwk.kty !== 'RSA') fail('RS256 needs "kty" RSA');
  const { n, e } = jwk;
  if (bytesOf(n, 'n')[0] === 0) fail('"n" begins with a zero byte');
  if (e !== 'AQAB') fail('"e" is not 65537');
  const key = publicKey({ kty: 'RSA', n, e });
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minRsaBits || bits > maxRsaBits) fail(`the modulus is not ${minRsaBits} to ${maxRsaBits} bits long`);
  return key;
}

function bytesOf(text: string | undefined, member: string) {
  return (typeof text === 'string' && text !== '' && decodeBase64url(text)) || fail(`"${member}" is not canonical base64url`);
}

function publicKey(key: Record<string, string | undefined>): KeyObject {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    fail('it is not a valid public key'); // without the cause, which may quote it
  }
}

function fail(reason: string): never {
  throw new TypeError(`key refused: ${reason}`);
}
