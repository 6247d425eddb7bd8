/** What gateways hear: from a change of an object to entries in the feed of every Deployment it concerns. Design section 8. */
import type { FeedEntry } from '@astrolabe/contract';
import type { Deps } from '../deps.ts';
import { appendChange } from '../store/changes.ts';
import { listConcernedDeployments, readTokenState, type TokenState } from '../store/feed.ts';
import type { Tx } from '../store/open.ts';
import type { DeploymentPlace } from '../store/places.ts';
import type { DeploymentRow, TokenRow } from '../store/schema.ts';
import type { NewValue } from '../store/tokens.ts';
import { deploymentEntry, keysEntry, tokenEntry } from './entries.ts';

type Place = Pick<DeploymentRow, 'id' | 'organizationId'>;

/**
 * Tells every gateway that the token may reach how it stands now: its values, its roles, or that it is gone. Call it last in
 * the transaction, after the token's own rows were written. A wider token concerns many Deployments and writes one row each.
 */
export async function announceToken(deps: Pick<Deps, 'now'>, tx: Tx, token: TokenRow): Promise<void> {
  const at = deps.now();
  await tell(tx, await readTokenState(tx, token, at), at);
}

/** {@link announceToken} for one that was just made: all there is about it is at hand. */
export async function announceNewToken(tx: Tx, token: TokenRow, value: NewValue, bindings: TokenState['bindings']): Promise<void> {
  await tell(tx, { token, live: [value], retired: [], bindings }, value.issuedAt);
}

/** Tells the gateway of a Deployment its place and whom it believes. The first entries of every feed. */
export async function announceDeployment(
  deps: Pick<Deps, 'now' | 'issuers' | 'signingKeys'>,
  tx: Tx,
  deployment: DeploymentPlace,
): Promise<void> {
  const at = deps.now();
  await append(tx, deployment, deploymentEntry(deployment, deps.issuers), at);
  await append(tx, deployment, keysEntry(deps.signingKeys), at);
}

/** The last entry a gateway gets. */
export async function announceEnd(deps: Pick<Deps, 'now'>, tx: Tx, deployment: Place): Promise<void> {
  const at = deps.now();
  await append(tx, deployment, { kind: 'end', reason: 'deployment_deleted', at }, at);
}

async function tell(tx: Tx, state: TokenState, at: number): Promise<void> {
  for (const deployment of await listConcernedDeployments(tx, state.token)) {
    await append(tx, deployment, tokenEntry(state, deployment), at);
  }
}

async function append(tx: Tx, deployment: Place, entry: FeedEntry, at: number): Promise<void> {
  await appendChange(tx, { organizationId: deployment.organizationId, deploymentId: deployment.id, body: canonical(entry), at });
}

/** The text that the chain hashes: members in a fixed order, so that equal entries are equal bytes. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
