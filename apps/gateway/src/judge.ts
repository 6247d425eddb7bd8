import type { ProblemCode } from '@astrolabe/contract/problems';
import { allows, covered, type Entity, type Permission } from '@astrolabe/policy';
import { checkClaims, type SignatureCache, type SignedToken, VerificationError } from '@astrolabe/verify';
import { matchRoute, type RouteMatch } from './airflow-routes.ts';
import type { Clock } from './clock.ts';
import type { DeploymentFacts, KnownToken, State } from './state.ts';

/** Everything a decision is made from. All of it is in memory. */
export interface Gate {
  readonly state: State;
  /** Remembers signatures that were good, and the claims; never a verdict. */
  readonly signatures: Pick<SignatureCache, 'verify'>;
  readonly limits: Limits;
  readonly clock: Clock;
}

export interface Limits {
  /** Age of the state after which standard tokens are refused. */
  readonly maxStalenessMs: number;
  /** The same for direct access tokens. */
  readonly maxDirectStalenessMs: number;
  readonly maxSkewSeconds: number;
}

/** A request, as far as deciding needs it. `bearer` absent: no credential was sent. */
export interface Call {
  readonly bearer?: string;
  readonly method: string;
  /** The raw request target. */
  readonly target: string;
}

/** Who calls: a live value of a token, young enough knowledge of it. */
export interface Caller {
  readonly token: KnownToken;
  readonly value: SignedToken;
  readonly endsAt?: number;
}

/** A no. `detail` is there only for the holder of a value that was once in the list, and where there is no secret to keep. */
export interface Refusal {
  readonly refused: ProblemCode;
  readonly detail?: string;
  /** For the log; never for the caller. */
  readonly tokenId?: string;
  /** What was missing, for `WWW-Authenticate`. */
  readonly scope?: string;
  readonly allow?: readonly string[];
  /** The value is so young that the feed may not have brought it yet: worth asking again after the next change. */
  readonly mayArrive?: true;
}

export interface Pass {
  readonly caller: Caller;
  readonly route: RouteMatch;
}

/** How young a correctly signed value must be for the feed to be still on its way with it. */
const youngMs = 10_000;

/**
 * The one decision; both front doors call it. Reads memory only, and is the same whether the control plane is reachable or
 * not. The order of the checks is design section 8, that of the answers section 9.
 */
export function judge(gate: Gate, call: Call): Pass | Refusal {
  const caller = identify(gate, call.bearer);
  if ('refused' in caller) return caller;
  const route = matchRoute(call.method, call.target); // no entry means no entrance
  if ('problem' in route) return { ...withoutProblem(route), refused: route.problem, tokenId: caller.token.id };
  return mayCall(gate, caller, route) ? { caller, route } : denied(gate, caller, route);
}

/** The first three checks, without a route: who is it, is the value live, is what we know young enough. */
export function identify(gate: Gate, bearer: string | undefined): Caller | Refusal {
  const { state } = gate;
  if (bearer === undefined) return { refused: 'credential_missing' };
  if (state.deployment === undefined && state.end !== undefined) return nothing;
  if (state.deployment === undefined) return tooOld('The gateway has not received its state from the control plane yet.');
  const value = signedValue(gate, bearer);
  if (value === undefined) return nothing;
  const now = gate.clock.now();
  const reason = whyNotAccepted(value, state.deployment, now, gate.limits.maxSkewSeconds);
  const live = state.find(value.jtiHash);
  if (live === undefined) return unlisted(state, value, now, reason);
  const { token, endsAt } = live;
  const refuse = (detail: string): Refusal => ({ refused: 'invalid_token', detail, tokenId: token.id });
  if (endsAt !== undefined && now >= endsAt) return refuse(`This value of the token expired at ${instant(endsAt)}.`);
  if (reason !== undefined) return refuse(reason);
  if (token.id !== value.claims.sub || token.kind !== value.claims.kind) return nothing;
  if (state.end !== undefined) return refuse(endDetail(state.end));
  const limitMs = token.kind === 'DIRECT_ACCESS' ? gate.limits.maxDirectStalenessMs : gate.limits.maxStalenessMs;
  const stalenessMs = state.freshness.stalenessMs();
  if (!(stalenessMs <= limitMs)) return { ...tooOld(staleDetail(gate, stalenessMs, limitMs)), tokenId: token.id };
  return endsAt === undefined ? { token, value } : { token, value, endsAt };
}

/** Whether the caller holds a right here: by its roles, and for direct access also by what was frozen into the value. */
export function holds(caller: Caller, permission: Permission, entity: Entity): boolean {
  if (!allows(caller.token, permission, entity)) return false;
  if (caller.token.kind !== 'DIRECT_ACCESS') return true;
  const { grants } = caller.value.claims;
  return grants !== undefined && covered(grants, permission, entity);
}

/** What everybody hears who holds no value that was once in the list (F-05, S-05). */
const nothing: Refusal = { refused: 'invalid_token' };

function signedValue(gate: Gate, bearer: string): SignedToken | undefined {
  try {
    return gate.signatures.verify(bearer, 'at+jwt');
  } catch (error) {
    if (error instanceof VerificationError) return undefined;
    throw error;
  }
}

/** Time, issuer and audience are asked on every request. Undefined: nothing is wrong with them. */
function whyNotAccepted(value: SignedToken, deployment: DeploymentFacts, nowMs: number, maxSkewSeconds: number): string | undefined {
  try {
    checkClaims(value.claims, { issuers: deployment.issuers, audiences: deployment.audiences, nowMs, maxSkewSeconds });
    return undefined;
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    switch (error.code) {
      case 'expired':
        return `This value of the token expired at ${instant((value.claims.exp ?? 0) * 1000)}.`;
      case 'not_yet_valid':
        return 'This value of the token is not valid yet: a clock is wrong.';
      default:
        return 'This token was not made for this Deployment.';
    }
  }
}

function unlisted(state: State, value: SignedToken, now: number, reason: string | undefined): Refusal {
  const retired = state.explain(value.jtiHash);
  if (retired === undefined) {
    const mayArrive = reason === undefined && state.end === undefined && now - value.claims.iat * 1000 < youngMs;
    return mayArrive ? { ...nothing, mayArrive } : nothing;
  }
  const at = instant(retired.at);
  const details = {
    rotated: `This value of the token was replaced by a rotation at ${at}.`,
    deleted: `The token was deleted at ${at}.`,
    expired: `This value of the token expired at ${at}.`,
    suspended: `The token was suspended at ${at}.`,
  };
  return { ...nothing, detail: details[retired.reason], tokenId: retired.tokenId };
}

function endDetail(end: NonNullable<State['end']>): string {
  if (end.reason === 'deployment_deleted') return `The Deployment was deleted at ${instant(end.at)}.`;
  return `The agent token of this gateway ended at ${instant(end.at)}: the gateway has to be enrolled again.`;
}

const tooOld = (detail: string): Refusal => ({ refused: 'control_plane_unreachable', detail });

function staleDetail(gate: Gate, stalenessMs: number, limitMs: number): string {
  if (gate.state.freshness.isClockWrong()) return 'A clock is wrong (clock_skew), so the age of what the gateway knows cannot be told.';
  if (!Number.isFinite(stalenessMs)) return 'The gateway has not heard from its control plane yet.';
  return `What the gateway knows is ${Math.floor(stalenessMs / 1000)} s old; this kind of token is accepted up to ${limitMs / 1000} s.`;
}

/** A right on the Deployment decides alone; otherwise the one Dag of the call does, if the route lets it. */
function mayCall(gate: Gate, caller: Caller, route: RouteMatch): boolean {
  const entity = gate.state.deployment?.entity;
  if (entity === undefined || route.permissions.length === 0) return false; // a route that asks for nothing is a mistake
  if (route.permissions.every((permission) => holds(caller, permission, entity))) return true;
  const { dag } = route;
  if (dag === undefined || dag.permissions.length === 0) return false;
  const place = { ...entity, dagId: dag.id };
  return dag.permissions.every((permission) => holds(caller, permission, place));
}

function denied(gate: Gate, caller: Caller, route: RouteMatch): Refusal {
  const entity = gate.state.deployment?.entity;
  const missing = route.permissions.filter((permission) => entity === undefined || !holds(caller, permission, entity));
  const onDag = route.dag === undefined ? '' : `, or ${route.dag.permissions.join(' and ')} on the Dag ${route.dag.id}`;
  const frozen = caller.token.kind === 'DIRECT_ACCESS' ? ' Rights of a direct access token are those of its creation.' : '';
  const detail = `The token ${caller.token.id} lacks ${missing.join(' and ')} on the Deployment${onDag}.${frozen}`;
  return { refused: 'permission_denied', detail, tokenId: caller.token.id, scope: missing.join(' ') };
}

function withoutProblem({ detail, allow }: { readonly detail: string; readonly allow?: readonly string[] }): {
  detail: string;
  allow?: readonly string[];
} {
  return allow === undefined ? { detail } : { detail, allow };
}

const instant = (ms: number): string => new Date(ms).toISOString();
