/** What rules may touch, built once by `main.ts` and handed to every rule as its first argument. */
import type { Holder, HomeScope } from '@astrolabe/policy';
import type { TokenKind } from '@astrolabe/verify';
import type pino from 'pino';
import type { ServerConfig } from './config.ts';
import type { Sealing } from './sealing.ts';
import type { SigningKeys } from './signing-keys/signing-keys.ts';
import type { Store, Tx } from './store/open.ts';
import type { SubjectType } from './store/schema.ts';
import type { Issuer } from './tokens/issuer.ts';
import type { LastUse } from './tokens/last-use.ts';
import type { RefusedUses } from './tokens/refused-uses.ts';

/** The authenticated caller with its grants. Inside a transaction it is read anew and called the actor. */
export interface Principal extends Holder {
  readonly subjectType: SubjectType;
  /** Token id, or `system` for the installation itself. */
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  readonly kind: TokenKind;
  readonly homeScope: HomeScope;
  readonly homeEntityId: string;
  /** Hash of the value that was presented; empty for the installation itself. */
  readonly jtiHash: string;
  /** When the presented value ends, epoch milliseconds. */
  readonly expiresAt?: number;
  /** Agent tokens only: it has ended, and all it still gets is the signed last word of its feed. */
  readonly endedAt?: number;
  /** The request this caller is acting in, for the audit trail. */
  readonly requestId: string;
  readonly address: string;
}

export interface Deps {
  readonly config: ServerConfig;
  /** For reading outside a change. */
  readonly read: Store['read'];
  /**
   * Runs a change in a transaction that may be shared with others, and resolves after its commit (`store/write.ts`).
   * `actor` is the caller read anew inside that transaction, so nobody acts on rights that ended a moment ago.
   * @throws Problem `invalid_token` when the caller is no longer live
   */
  write<T>(caller: Principal, change: (tx: Tx, actor: Principal) => Promise<T>): Promise<T>;
  readonly onChange: Store['onChange'];
  readonly issuer: Issuer;
  /** Accepted `iss`, the current one first. */
  readonly issuers: readonly string[];
  readonly signingKeys: SigningKeys;
  readonly feedEpoch: string;
  readonly sealing: Sealing;
  readonly lastUse: LastUse;
  readonly refusedUses: RefusedUses;
  readonly log: pino.Logger;
  /** Epoch milliseconds. */
  now(): number;
}
