import { Buffer } from 'node:buffer';

/** The `typ` of each signed object; none is accepted as another (RFC 8725 §3.11). */
export const signedTypes = {
  accessToken: 'at+jwt',
  agentToken: 'agent+jwt',
  feedBatch: 'feed+jwt',
  heartbeat: 'heartbeat+jwt',
} as const;
export type SignedType = (typeof signedTypes)[keyof typeof signedTypes];
export type TokenType = typeof signedTypes.accessToken | typeof signedTypes.agentToken;
export type ObjectType = Exclude<SignedType, TokenType>;

/** Header member `prd`: makes the first characters of our values like those of nobody else. */
export const product = 'astrolabe';

/** One key, one algorithm (RFC 8725 §3.1). `EdDSA` means Ed25519. */
export type Algorithm = 'ES256' | 'EdDSA' | 'RS256';

export const maxTokenBytes = 4096;

/**
 * What every value of a type begins with. The order of the header members is fixed so that these characters are, too:
 * a secret scanner can look for them, and whatever begins otherwise is refused before any other work (F-02).
 */
export const prefixes: Readonly<Record<SignedType, string>> = {
  'at+jwt': prefixOf('at+jwt'),
  'agent+jwt': prefixOf('agent+jwt'),
  'feed+jwt': prefixOf('feed+jwt'),
  'heartbeat+jwt': prefixOf('heartbeat+jwt'),
};

/**
 * The published pattern of access and agent tokens, for secret scanners: RE2 syntax, no flags, no look-around.
 * A match is proven ours by its signature alone, without a database (F-03).
 */
export const detectionPattern = new RegExp(
  `(?:${prefixes['at+jwt']}|${prefixes['agent+jwt']})[A-Za-z0-9_-]{12,}\\.eyJ[A-Za-z0-9_-]{100,}\\.[A-Za-z0-9_-]{86,}`,
);

function prefixOf(type: SignedType): string {
  const start = Buffer.from(`{"typ":"${type}","prd":"${product}","alg":"`, 'latin1');
  const constantCharacters = Math.floor((start.length * 8) / 6); // the next one also depends on the algorithm
  return start.toString('base64url').slice(0, constantCharacters);
}
