import { checkClaims, checkSkew, type FrozenGrants, idsByKind, type TokenKind } from './claims.ts';
import { refuse } from './errors.ts';
import { signedTypes } from './format.ts';
import type { KeySet } from './keys.ts';
import { type SignedToken, verifySignedToken } from './signed.ts';

/** Who calls, as an accepted token says. Frozen; holds no copy of the token. Instants are epoch milliseconds. */
export interface Principal {
  readonly tokenId: string;
  readonly organizationId: string;
  readonly kind: TokenKind;
  readonly audience: readonly string[];
  /** Where the token lives, as far down as its home goes. */
  readonly entityIds: { readonly workspaceId?: string; readonly deploymentId?: string };
  readonly issuedAt: number;
  readonly expiresAt?: number;
  /** Direct access tokens only: their rights, frozen at creation. */
  readonly grants?: FrozenGrants;
  readonly jtiHash: string;
}

export interface VerifierOptions {
  /** The control plane's public addresses: the current one and former ones. */
  readonly issuers: readonly string[];
  /** Who you are: `deployment:<id>`, `workspace:<id>`, `organization:<id>`. */
  readonly audiences: readonly string[];
  readonly keys: KeySet;
  /** How far the issuer's clock may be off; whole seconds, 0 to 60. Default 30. */
  readonly maxSkewSeconds?: number;
  /** Epoch milliseconds. Default: the system clock. */
  readonly now?: () => number;
  /** Is the value with this SHA-256 of `jti` still live? Asked about every token when given; standard tokens need it. */
  readonly isLive?: (jtiHash: string) => boolean;
}

export interface Verifier {
  /**
   * Checks an access token without asking the control plane.
   *
   * Order: shape, header, signature, claims, live state; nothing is reported about claims nobody signed.
   * Costs one signature check; synchronous.
   *
   * @param value compact JWS, at most 4096 bytes, without `Bearer `
   * @throws VerificationError `code` tells which check failed; `expired` allows for `maxSkewSeconds`
   * @see RFC 9068 §4, RFC 8725 §3.1 and §3.11
   */
  verify(value: string): Principal;
}

/**
 * Makes a verifier of access tokens that works offline.
 *
 * @throws RangeError when `maxSkewSeconds` is not a whole number from 0 to 60
 * @throws TypeError when there is no issuer or no audience: nothing could ever be accepted
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuers, audiences, keys, maxSkewSeconds = 30, now = Date.now, isLive } = options;
  checkSkew(maxSkewSeconds);
  if (issuers.length === 0 || audiences.length === 0) throw new TypeError('a verifier needs at least one issuer and one audience');
  return {
    verify(value) {
      const token = verifySignedToken(value, keys, signedTypes.accessToken);
      checkClaims(token.claims, { issuers, audiences, nowMs: now(), maxSkewSeconds });
      checkLive(token, isLive);
      return principalOf(token);
    },
  };
}

function checkLive({ claims, jtiHash }: SignedToken, isLive: VerifierOptions['isLive']): void {
  if (!isLive) {
    if (claims.kind !== 'DIRECT_ACCESS') refuse('live_state_required');
  } else if (isLive(jtiHash) !== true) {
    refuse('not_live'); // a promise is not true either: a callback that is asynchronous by mistake lets nobody in
  }
}

function principalOf({ claims, jtiHash }: SignedToken): Principal {
  const ids = idsByKind(claims.permissions);
  const workspaceId = ids.get('workspaceId');
  const deploymentId = ids.get('deploymentId');
  return Object.freeze({
    tokenId: claims.sub,
    organizationId: claims.org_id,
    kind: claims.kind,
    audience: claims.aud,
    entityIds: Object.freeze({ ...(workspaceId && { workspaceId }), ...(deploymentId && { deploymentId }) }),
    issuedAt: claims.iat * 1000,
    ...(claims.exp !== undefined && { expiresAt: claims.exp * 1000 }),
    ...(claims.grants && { grants: claims.grants }),
    jtiHash,
  });
}
