/**
 * What the control plane tells a gateway, and what a gateway keeps: the wire format of `GET /data-plane/v1/feed`
 * and the two files that enrolment writes. Design section 8.
 *
 * The stream is newline-delimited JSON. The first line is `FeedKeys`; its current key must have the RFC 7638 thumbprint
 * that the agent token pins in `feed_key`, before anything else is read. Every later line is `{"batch": <JWS>}` or
 * `{"heartbeat": <JWS>}`; payloads are `FeedBatch` and `FeedHeartbeat`.
 */
import { z } from 'zod';
import { Id } from './ids.ts';

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Milliseconds = z.int().min(0);

/** A public signing key as JWK (RFC 7517). `alg` binds the key to one algorithm (J-03). */
export const PublicKey = z.strictObject({
  kty: z.enum(['EC', 'OKP', 'RSA']),
  kid: z.string().min(1).max(128),
  alg: z.enum(['ES256', 'EdDSA', 'RS256']),
  use: z.literal('sig'),
  crv: z.string().exactOptional(),
  x: z.string().exactOptional(),
  y: z.string().exactOptional(),
  n: z.string().exactOptional(),
  e: z.string().exactOptional(),
});
export type PublicKey = z.infer<typeof PublicKey>;

/** First line of the stream. */
export const FeedKeys = z.strictObject({ keys: z.array(PublicKey).min(1) });
export type FeedKeys = z.infer<typeof FeedKeys>;

/** The Deployment itself and whom it believes. */
export const DeploymentEntry = z.strictObject({
  kind: z.literal('deployment'),
  id: Id,
  name: z.string(),
  workspaceId: Id,
  organizationId: Id,
  /** Accepted `iss`: the current one first, then former ones. */
  issuers: z.array(z.string()).min(1),
});

/** Every public key that may have signed a live token value; replaces the list before it. */
export const KeysEntry = z.strictObject({ kind: z.literal('keys'), keys: z.array(PublicKey) });

/** One role of a token as far as it concerns this Deployment. `role` is a built-in name or the id of a custom role. */
export const FeedBinding = z.strictObject({
  entityType: z.enum(['ORGANIZATION', 'WORKSPACE', 'DEPLOYMENT', 'DAG', 'DAG_TAG']),
  entityId: z.string(),
  role: z.string(),
});
export type FeedBinding = z.infer<typeof FeedBinding>;

/** A live value of a token. `endsAt` absent: it does not expire. Times are epoch milliseconds. */
export const LiveValue = z.strictObject({ jtiHash: Hash, issuedAt: Milliseconds, endsAt: Milliseconds.exactOptional() });
export type LiveValue = z.infer<typeof LiveValue>;

/** Why a value that was once live is refused; kept for 30 days and only to explain. */
export const RetiredReason = z.enum(['rotated', 'deleted', 'expired', 'suspended']);
export type RetiredReason = z.infer<typeof RetiredReason>;
export const RetiredValue = z.strictObject({ jtiHash: Hash, reason: RetiredReason, at: Milliseconds });
export type RetiredValue = z.infer<typeof RetiredValue>;

/** A whole token as it stands after the change: replaces everything known about it. */
export const TokenEntry = z.strictObject({
  kind: z.literal('token'),
  id: Id,
  name: z.string(),
  tokenKind: z.enum(['STANDARD', 'DIRECT_ACCESS']),
  values: z.array(LiveValue),
  retired: z.array(RetiredValue),
  bindings: z.array(FeedBinding),
});
export type TokenEntry = z.infer<typeof TokenEntry>;

/** The token no longer concerns this Deployment. Its values are refused from here on, and explained by `retired`. */
export const TokenGoneEntry = z.strictObject({ kind: z.literal('token-gone'), id: Id, retired: z.array(RetiredValue) });

/** The last entry a gateway ever gets: the Deployment or its agent token ended. Kept, and refuses everything. */
export const EndEntry = z.strictObject({
  kind: z.literal('end'),
  reason: z.enum(['deployment_deleted', 'agent_token_ended']),
  at: Milliseconds,
  /** With `agent_token_ended`, and always: the end of one agent token says nothing to a gateway that holds another. */
  agentTokenId: Id.exactOptional(),
});

/** One entry of a batch. Puts carry the whole state of their object, so that applying one twice changes nothing. */
export const FeedEntry = z.discriminatedUnion('kind', [DeploymentEntry, KeysEntry, TokenEntry, TokenGoneEntry, EndEntry]);
export type FeedEntry = z.infer<typeof FeedEntry>;

/**
 * Payload of a batch, JWS `typ: "feed+jwt"`.
 *
 * A change batch carries the rows `from + 1 … to`, one body each, and `chain(n) = SHA-256(chain(n-1) as hex text ‖ body)`,
 * so `chainTo` follows from `chainFrom` and `entries`. A snapshot replaces everything: `from` is 0, `chainFrom` is empty,
 * `to` and `chainTo` are where the changes go on; a large one comes in `parts` batches, applied together.
 * `after` is the epoch and sequence the gateway asked for; a batch whose epoch, `from` or `chainFrom` is not what the
 * gateway holds means that it must ask for a snapshot.
 */
export const FeedBatch = z.strictObject({
  iss: z.string(),
  /** `data-plane:<deployment id>` */
  aud: z.string(),
  iat: z.int(),
  epoch: z.string().min(1),
  snapshot: z.boolean(),
  part: z.int().min(1),
  parts: z.int().min(1),
  from: z.int().min(0),
  to: z.int().min(0),
  chainFrom: z.union([Hash, z.literal('')]),
  chainTo: Hash,
  /** Canonical JSON text of one `FeedEntry` each: what the chain hashes. */
  entries: z.array(z.string()),
});
export type FeedBatch = z.infer<typeof FeedBatch>;

/** Payload of a heartbeat, JWS `typ: "heartbeat+jwt"`, one a second. Counts only when `sequence` and `chain` are the applied ones. */
export const FeedHeartbeat = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  /** When the primary database was read, epoch milliseconds. */
  at: Milliseconds,
  epoch: z.string().min(1),
  sequence: z.int().min(0),
  chain: Hash,
});
export type FeedHeartbeat = z.infer<typeof FeedHeartbeat>;

/** The audience of everything signed for the gateway of one Deployment. */
export const feedAudience = (deploymentId: string): string => `data-plane:${deploymentId}`;

/** The chain before the first change of a Deployment. */
export const chainStart = '0'.repeat(64);

/**
 * How a gateway signs in to Airflow; written by `astrolabe airflow prepare`, read by the gateway alone.
 * `own-key`: Ed25519, trusted by Airflow through a JWKS file. `shared-secret`: Airflow's own HS512 secret.
 */
export const AirflowCredential = z.discriminatedUnion('way', [
  z.strictObject({
    way: z.literal('own-key'),
    /** `kid` in Airflow's JWKS file. */
    keyId: z.string().min(1),
    /** PKCS 8 PEM of an Ed25519 key. */
    privateKey: z.string().min(1),
    /** The next key, already in the JWKS file, so that a rotation needs no restart of Airflow. */
    next: z.strictObject({ keyId: z.string().min(1), privateKey: z.string().min(1) }).exactOptional(),
    audience: z.string().min(1).default('apache-airflow'),
    issuer: z.string().min(1).exactOptional(),
  }),
  z.strictObject({
    way: z.literal('shared-secret'),
    /** `[api_auth] jwt_secret`, used as raw text; at least 64 bytes. */
    secret: z.string().min(64),
    audience: z.string().min(1).default('apache-airflow'),
    issuer: z.string().min(1).exactOptional(),
  }),
]);
export type AirflowCredential = z.infer<typeof AirflowCredential>;

/** `gateway.json`: everything a gateway trusts about the world outside it. Written by `astrolabe gateway enrol`, mode 0600. */
export const GatewayEnrolment = z.strictObject({
  version: z.literal(1),
  deploymentId: Id,
  organizationId: Id,
  /** Base address of the control plane, without a trailing slash. */
  serverUrl: z.string().min(1),
  agentToken: z.string().min(1),
  /** Base address of Airflow, without `/api/v2`. */
  airflowUrl: z.string().min(1),
  airflowCredential: AirflowCredential,
});
export type GatewayEnrolment = z.infer<typeof GatewayEnrolment>;
