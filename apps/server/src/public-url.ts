/** The address that signs, when it changes between two starts. */
import { record } from './audit/audit.ts';
import type { Deps } from './deps.ts';
import { announceDeployment } from './feed/announce.ts';
import { changeIssuer } from './store/installation.ts';
import type { Store } from './store/open.ts';
import { listOrganizations, takeTurn } from './store/organizations.ts';
import { listDeploymentPlaces } from './store/places.ts';
import type { InstallationRow } from './store/schema.ts';
import { systemPrincipal } from './tokens/principal.ts';

/** Accepted `iss`, the current one first: values that name a former address stay good. */
export function issuersOf(installation: Pick<InstallationRow, 'issuer' | 'formerIssuers'>, publicUrl: string): readonly string[] {
  const known = [installation.issuer, ...(JSON.parse(installation.formerIssuers) as string[])]; // written by changePublicUrl
  return [publicUrl, ...known.filter((issuer) => issuer !== publicUrl)];
}

/** Makes the first of `issuers` the one that signs. Every gateway hears of it, or it would refuse what is signed from now on. */
export async function changePublicUrl(
  write: Store['write'],
  deps: Pick<Deps, 'now' | 'issuers' | 'signingKeys'>,
  before: Pick<InstallationRow, 'issuer'>,
): Promise<void> {
  const [issuer = before.issuer, ...formerIssuers] = deps.issuers;
  await write(async (tx) => {
    await changeIssuer(tx, issuer, formerIssuers);
    for (const { id, deletedAt } of await listOrganizations(tx)) {
      if (deletedAt !== null) continue;
      await takeTurn(tx, id);
      for (const deployment of await listDeploymentPlaces(tx, id)) await announceDeployment(deps, tx, deployment);
      await record(tx, systemPrincipal(id), {
        at: deps.now(),
        action: 'installation.public_url_changed',
        targetType: 'organization',
        targetId: id,
        detail: { from: before.issuer, to: issuer },
      });
    }
  });
}
