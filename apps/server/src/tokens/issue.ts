import { allows, type Entity } from '@astrolabe/policy';
import type { FrozenGrants } from '@astrolabe/verify';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { announceNewToken } from '../feed/announce.ts';
import { createId } from '../ids.ts';
import { toInstant } from '../instants.ts';
import { createdStamps } from '../members/profiles.ts';
import { Problem } from '../problem.ts';
import type { RoleEntry } from '../roles/role-set.ts';
import type { Db, Tx } from '../store/open.ts';
import { insertTokenBindings } from '../store/role-bindings.ts';
import type { TokenRow } from '../store/schema.ts';
import { findTokenByName, insertToken, type NewValue } from '../store/tokens.ts';
import type { IssuedValue } from './issuer.ts';
import { tokenPermission } from './sight.ts';

/** A token that everything was checked about: only its name may still be in the way. */
export interface Draft extends Pick<TokenRow, 'organizationId' | 'homeScope' | 'homeEntityId' | 'kind' | 'name' | 'description'> {
  /** The place of its home. */
  readonly place: Entity;
  readonly expiryPeriodDays: number | undefined;
  readonly endsAt: number | undefined;
  readonly entries: readonly RoleEntry[];
  readonly grants?: FrozenGrants;
}

/** Makes the token and its first value, and tells gateways and audit trail, all in the caller's transaction. */
export async function issueToken(
  deps: Deps,
  tx: Tx,
  actor: Principal,
  draft: Draft,
  at: number,
): Promise<{ row: TokenRow; value: string }> {
  const { place, entries, grants, expiryPeriodDays, endsAt, ...home } = draft;
  await demandFreeName(tx, actor, draft, draft.name);
  const id = createId(at);
  const subject = { id, ...home, ...workspaceOf(place), ...(grants ? { grants } : {}) };
  const issued = deps.issuer.issue(subject, at, endsAt);
  const value = newValue(issued, at);
  const row: TokenRow = {
    id,
    ...home,
    ...createdStamps(actor, at),
    expiryPeriodDays: expiryPeriodDays ?? null,
    generation: 1,
    shortToken: value.shortToken,
    startAt: at,
    endAt: value.endsAt,
    lastRotatedAt: null,
    lastUsedAt: null,
    lastUsedAddress: null,
    grants: grants ? JSON.stringify(grants) : null,
    deletedAt: null,
  };
  if (!(await insertToken(tx, row, value))) throw new Problem('name_taken', `Another token was just named ${JSON.stringify(row.name)}.`);
  await insertTokenBindings(tx, row.organizationId, id, entries);
  const isAgent = row.kind === 'AGENT'; // gateways hear of access tokens only
  if (!isAgent) await announceNewToken(tx, row, value, entries);
  await record(tx, actor, {
    at,
    action: isAgent ? 'agent_token.created' : 'token.created',
    targetType: isAgent ? 'agent_token' : 'token',
    targetId: id,
    detail: {
      name: row.name,
      kind: row.kind,
      scope: row.homeScope,
      entityId: row.homeEntityId,
      shortToken: row.shortToken,
      endAt: row.endAt === null ? null : toInstant(row.endAt),
      roles: entries,
    },
  });
  return { row, value: issued.value };
}

/** @throws Problem `name_taken`; it names the token that has the name, if the caller may know it */
export async function demandFreeName(
  db: Db,
  actor: Principal,
  home: Pick<TokenRow, 'organizationId' | 'homeScope' | 'homeEntityId' | 'kind'> & { readonly place: Entity; readonly id?: string },
  name: string,
): Promise<void> {
  const holder = await findTokenByName(db, home, name);
  if (!holder || holder.id === home.id) return;
  const seeing = home.kind === 'AGENT' ? 'deployment.agentTokens.get' : tokenPermission(home.homeScope, 'get');
  const who = allows(actor, seeing, home.place) ? `Token ${holder.id} is` : 'Another token here is';
  throw new Problem('name_taken', `${who} already named ${JSON.stringify(name)}.`);
}

/** What is kept of a value. */
export const newValue = (issued: IssuedValue, at: number): NewValue => ({
  jtiHash: issued.jtiHash,
  shortToken: issued.shortToken,
  issuedAt: at,
  endsAt: issued.endsAt ?? null,
});

/** A Workspace or Deployment token names its workspace: existing clients take theirs from it. */
export const workspaceOf = ({ workspaceId }: Entity): { workspaceId?: string } => (workspaceId === undefined ? {} : { workspaceId });
