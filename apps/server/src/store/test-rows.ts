/** Test support: rows that hold together, so that a test writes down only what it is about. */
import { chainStart } from '@astrolabe/contract';
import { insertDeployment } from './deployments.ts';
import type { Tx } from './open.ts';
import { insertOrganization } from './organizations.ts';
import type { TokenRow } from './schema.ts';
import type { NewValue } from './tokens.ts';
import { insertWorkspace } from './workspaces.ts';

export const now = Date.UTC(2027, 0, 10, 12);
export const organizationId = 'cm0organization0000000000';
export const workspaceId = 'cm0workspace0000000000000';
export const deploymentIds = ['cm0deployment000000000001', 'cm0deployment000000000002'] as const;
export const touch = { updatedAt: now, updatedBy: 'system', updatedByType: 'SYSTEM' } as const;
const stamps = { createdAt: now, createdBy: 'system', createdByType: 'SYSTEM', ...touch } as const;

export async function insertPlaces(tx: Tx): Promise<void> {
  await insertOrganization(tx, {
    id: organizationId,
    name: 'o',
    settings: '{}',
    auditSequence: 0,
    auditChain: chainStart,
    deletedAt: null,
    ...stamps,
  });
  await insertWorkspace(tx, newWorkspace(workspaceId, 'w'));
  for (const id of deploymentIds) {
    const urls = { airflowUrl: null, gatewayUrl: null, airflowVersion: null };
    const feed = { feedSequence: 0, feedChain: chainStart };
    await insertDeployment(tx, {
      id,
      organizationId,
      workspaceId,
      name: id,
      description: '',
      settings: '{}',
      ...urls,
      ...feed,
      deletedAt: null,
      ...stamps,
    });
  }
}

export function newWorkspace(id: string, name: string) {
  return { id, organizationId, name, description: '', cicdEnforcedDefault: 0, settings: '{}', deletedAt: null, ...stamps };
}

let tokens = 0;

export function newToken(change: Partial<TokenRow> = {}): TokenRow {
  return {
    id: `cm0token${String(++tokens).padStart(17, '0')}`,
    organizationId,
    homeScope: 'DEPLOYMENT',
    homeEntityId: deploymentIds[0],
    kind: 'STANDARD',
    name: 'ci',
    description: '',
    expiryPeriodDays: null,
    generation: 1,
    shortToken: '00000000',
    startAt: now,
    endAt: null,
    lastRotatedAt: null,
    lastUsedAt: null,
    lastUsedAddress: null,
    grants: null,
    deletedAt: null,
    ...stamps,
    ...change,
  };
}

let hashes = 0;
export const newValue = (issuedAt = now, endsAt: number | null = null): NewValue => {
  const jtiHash = String(++hashes).padStart(64, '0');
  return { jtiHash, shortToken: jtiHash.slice(-8), issuedAt, endsAt };
};
