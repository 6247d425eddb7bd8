import type { ServerResponse } from 'node:http';
import { catalogue, levelOf, type Permission } from '@astrolabe/policy';
import { sendJson, sendText } from './answers.ts';
import type { Enrolled } from './enrolled.ts';
import { type Caller, holds } from './judge.ts';
import type { Metrics } from './metrics.ts';

/** Paths that the gateway answers itself; everything else is Airflow's. */
export const ownPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics', '/whoami']);

/** The process answers. Nothing else is asked: neither Airflow nor the control plane can make the gateway unhealthy. */
export function sendHealth(response: ServerResponse): undefined {
  sendJson(response, 200, { status: 'ok' });
}

/** Three words, and 200 as long as some token can get through: a control plane that is away is survived for days. */
export function sendReadiness(response: ServerResponse, enrolled: Enrolled): undefined {
  const { state, limits } = enrolled.gate;
  const stalenessMs = state.freshness.stalenessMs();
  const isUsable = state.position !== undefined && state.end === undefined && stalenessMs <= limits.maxDirectStalenessMs;
  const airflow = enrolled.airflowStatus;
  sendJson(response, isUsable && airflow === 'reachable' ? 200 : 503, {
    server: enrolled.feedStatus,
    airflow,
    state: wordOf(enrolled, stalenessMs),
    stalenessSeconds: secondsOf(stalenessMs),
  });
}

function wordOf({ gate: { state, limits } }: Enrolled, stalenessMs: number): 'empty' | 'ended' | 'fresh' | 'stale' {
  if (state.position === undefined) return 'empty';
  if (state.end !== undefined) return 'ended';
  return stalenessMs <= limits.maxStalenessMs ? 'fresh' : 'stale';
}

export async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  sendText(response, 200, metrics.registry.contentType, await metrics.registry.metrics());
}

/** What a caller may know about itself: nothing but its own token. */
export function sendCaller(response: ServerResponse, enrolled: Enrolled, caller: Caller): void {
  const { deployment, freshness } = enrolled.gate.state;
  if (deployment === undefined) throw new Error('a caller was identified without a state');
  const { token, value, endsAt } = caller;
  const rights = (level: 'deployment' | 'dag', dagId?: string): Permission[] => {
    const entity = dagId === undefined ? deployment.entity : { ...deployment.entity, dagId };
    return catalogue.map(({ permission }) => permission).filter((right) => levelOf(right) === level && holds(caller, right, entity));
  };
  const wide = rights('dag');
  const limited = dagsOf(caller, deployment.entity.deploymentId)
    .map((dagId) => [dagId, rights('dag', dagId)] as const)
    .filter(([, permissions]) => permissions.length > wide.length);
  sendJson(response, 200, {
    tokenId: token.id,
    name: token.name,
    kind: token.kind,
    organizationId: deployment.entity.organizationId,
    deployment: { id: deployment.entity.deploymentId, name: deployment.name },
    issuedAt: new Date(value.claims.iat * 1000).toISOString(),
    expiresAt: endsAt === undefined ? null : new Date(endsAt).toISOString(),
    stalenessSeconds: secondsOf(freshness.stalenessMs()),
    permissions: [...rights('deployment'), ...wide],
    dags: Object.fromEntries(limited),
  });
}

/** Dags that the token has a role on of its own. */
function dagsOf({ token }: Caller, deploymentId: string): string[] {
  const grants = token.grants.filter((grant) => grant.entityType === 'DAG' && grant.deploymentId === deploymentId);
  return [...new Set(grants.map((grant) => grant.entityId))].sort();
}

/** Null where the age is infinite, which JSON cannot say. */
const secondsOf = (ms: number): number | null => (Number.isFinite(ms) ? Math.floor(ms / 1000) : null);
