/**
 * Which Airflow route a request means, and what must be held for it: no entry means no entrance.
 *
 * How `judge.ts` uses it:
 *
 *     const match = matchRoute(call.method, call.target);
 *     if ('problem' in match) return refuse(match.problem, match.detail, match.allow);
 *     const wide = match.permissions.every((permission) => allows(holder, permission, deployment));
 *     const { dag } = match; // there only when a caller limited to that Dag may make this call
 *     const narrow = !wide && dag?.permissions.every((permission) => allows(holder, permission, { ...deployment, dagId: dag.id }));
 *     if (!wide && !narrow) return refuse('permission_denied');
 *
 * and then `proxy.forward(request, response, { target: match.upstreamTarget, authorization, requestId, caller, streams })` with
 * `authorization` from `minter.mint(token, match.route.airflowRole)`, or without one when the route has no role.
 */
import type { Permission } from '@astrolabe/policy';
import { type AirflowMethod, type AirflowRoute, airflowRoutes, type Handling } from './airflow-table.ts';
import { encodePath, encodeValue, parseQuery, parseTarget, type Refusal, type Target } from './airflow-target.ts';

export interface RouteMatch {
  readonly route: AirflowRoute;
  /** What this call needs on the Deployment, all of them: the rights of the route and those its query asks for. */
  readonly permissions: readonly Permission[];
  /** The one Dag this call concerns and what it needs there, all of them. Absent: callers limited to Dags are refused. */
  readonly dag?: { readonly id: string; readonly permissions: readonly Permission[] };
  /** A parameter of the path is `~`: the call concerns all Dags, runs or tasks. Never together with `dag`. */
  readonly wildcard: boolean;
  /** Path and query built anew from what was matched: the only thing that goes to Airflow. Starts with `/api/v2/`. */
  readonly upstreamTarget: string;
}

/** Why nothing was matched. The codes are those of the problem table. */
export interface RouteProblem {
  readonly problem: 'target_refused' | 'route_unknown' | 'method_not_allowed' | 'permission_denied';
  /** One public sentence for the caller. */
  readonly detail: string;
  /** With `method_not_allowed`: what the `Allow` header says. */
  readonly allow?: readonly AirflowMethod[];
}

/** A route and where its parameters stand among the segments of the path, `api` and `v2` included. */
interface PlacedRoute {
  readonly route: AirflowRoute;
  readonly dagAt: number;
  /** Parameters that would mean "all" as `~`, and whether they may be that here. */
  readonly wildcardsAt: readonly { readonly at: number; readonly mayBeAll: boolean }[];
  /** From here on the segments are one path-style key; Infinity when the route has none. */
  readonly keyAt: number;
}

/** One step of a path. Literals go before parameters, as a longer template goes before a path-style key. */
interface Step {
  readonly literals: Map<string, Step>;
  parameter?: { readonly name: string; readonly fits: (segment: string) => boolean; readonly next: Step };
  /** Routes whose template ends here, by method. */
  readonly routes: Map<string, PlacedRoute>;
  /** Routes whose last parameter takes all that is left, by method. */
  readonly keyed: Map<string, PlacedRoute>;
}

/** `{connection_id}` is a plain segment; these take the rest of the path in Airflow, slashes included. */
const pathStyleKeys: ReadonlySet<string> = new Set(['variable_key', 'pool_name', 'xcom_key', 'key']);
const wholeNumbers: ReadonlySet<string> = new Set([
  ...['map_index', 'version_number', 'try_number', 'task_try_number', 'asset_id', 'asset_alias_id'],
  ...['backfill_id', 'event_log_id', 'import_error_id'],
]);
const mayMeanAll: ReadonlySet<string> = new Set(['dag_id', 'dag_run_id', 'task_id']);
const neverForwarded: Readonly<Partial<Record<Handling, string>>> = {
  B: 'its body names what it acts on, which this version does not judge',
  L: 'it does not say which Dag it concerns, which this version does not look up',
  X: 'it is not offered through the gateway',
};

const root = plant(airflowRoutes);

/**
 * Finds the route that a request means.
 *
 * Reads the raw request target, decodes once, refuses everything that two readers could understand differently, and builds
 * what goes to Airflow anew: query parameters that the route does not declare are dropped. About a microsecond.
 *
 * @param method as it stands in the request line; case matters
 * @param rawTarget as it stands in the request line
 */
export function matchRoute(method: string, rawTarget: string): RouteMatch | RouteProblem {
  const target = parseTarget(rawTarget);
  if ('refused' in target) return refuse(target);
  const placed = find(root, target.segments, 0, method);
  if (placed === undefined) return explain(target);
  const { route, dagAt, keyAt } = placed;
  if (target.slashAt < keyAt) return encodedSlash;
  let wildcard = false;
  for (const { at, mayBeAll } of placed.wildcardsAt) {
    if (target.segments[at] !== '~') continue;
    if (!mayBeAll) return { problem: 'target_refused', detail: 'The path does not take ~ there.' };
    wildcard = true;
  }
  const reason = neverForwarded[route.handling];
  if (reason !== undefined) return { problem: 'permission_denied', detail: `${method} ${route.template} is not forwarded: ${reason}.` };
  const asked = readQuery(target.query, route);
  if ('refused' in asked) return refuse(asked);
  const { permissions, dagPermissions } = withQueryRights(route, asked.rights);
  const upstreamTarget = `${encodePath(target.segments)}${asked.query}`;
  const dagId = target.segments[dagAt];
  if (wildcard || dagPermissions === undefined || dagId === undefined) return { route, permissions, wildcard, upstreamTarget };
  return { route, permissions, dag: { id: dagId, permissions: dagPermissions }, wildcard, upstreamTarget };
}

const encodedSlash: RouteProblem = { problem: 'target_refused', detail: 'The path holds an encoded slash where none may be.' };

function refuse({ refused }: Refusal): RouteProblem {
  return { problem: 'target_refused', detail: refused };
}

function find(step: Step, segments: readonly string[], at: number, method: string): PlacedRoute | undefined {
  const segment = segments[at];
  if (segment === undefined) return step.routes.get(method);
  const literal = step.literals.get(segment);
  if (literal !== undefined) {
    const found = find(literal, segments, at + 1, method);
    if (found !== undefined) return found;
  }
  if (step.parameter?.fits(segment)) {
    const found = find(step.parameter.next, segments, at + 1, method);
    if (found !== undefined) return found;
  }
  return segments.at(-1) === '' ? undefined : step.keyed.get(method);
}

/** Why nothing was found: another method, a parameter of the wrong form, or really no such path. */
function explain({ segments, slashAt }: Target): RouteProblem {
  if (slashAt !== Number.POSITIVE_INFINITY) return encodedSlash;
  const allow = new Set<AirflowMethod>();
  let misfit: string | undefined;
  const visit = (step: Step, at: number): void => {
    const segment = segments[at];
    const ending = segment === undefined ? step.routes : step.keyed;
    for (const { route } of ending.values()) allow.add(route.method);
    if (segment === undefined || segment === '') return;
    const literal = step.literals.get(segment);
    if (literal !== undefined) visit(literal, at + 1);
    if (step.parameter?.fits(segment)) visit(step.parameter.next, at + 1);
    else if (step.parameter !== undefined && literal === undefined) misfit = step.parameter.name;
  };
  visit(root, 0);
  if (segments.at(-1) === '') return { problem: 'route_unknown', detail: 'The gateway knows no path that ends with a slash.' };
  if (allow.size > 0) {
    const methods = [...allow].sort();
    return { problem: 'method_not_allowed', detail: `The path knows ${methods.join(', ')}.`, allow: methods };
  }
  if (misfit !== undefined)
    return { problem: 'target_refused', detail: `The path does not hold a ${misfit} of the form that Airflow knows.` };
  return { problem: 'route_unknown', detail: 'The gateway forwards the public paths of Airflow under /api/v2 and no others.' };
}

interface AskedQuery {
  /** With its `?`, or empty. */
  readonly query: string;
  readonly rights: readonly QueryRight[];
}
type QueryRight = AirflowRoute['queryRights'] extends ReadonlyMap<string, infer Right> ? Right : never;

const noQuery: AskedQuery = { query: '', rights: [] };
/** What Airflow reads as false. */
const falseWords: ReadonlySet<string> = new Set(['false', '0', 'off', 'f', 'no', 'n']);

function readQuery(raw: string, route: AirflowRoute): AskedQuery | Refusal {
  if (raw === '' || route.query.size === 0) return noQuery;
  const pairs = parseQuery(raw);
  if ('refused' in pairs) return pairs;
  const seen = new Set<string>();
  const kept: string[] = [];
  const rights: QueryRight[] = [];
  for (const [name, value] of pairs) {
    const rule = route.query.get(name);
    if (rule === undefined) continue;
    if (rule !== 'repeated' && seen.has(name)) return { refused: `The query parameter ${name} is given more than once.` };
    if (rule === 'off' && !falseWords.has(value.toLowerCase())) return { refused: `The query parameter ${name} is not offered.` };
    const right = route.queryRights.get(name);
    if (right !== undefined && !seen.has(name)) rights.push(right);
    seen.add(name);
    kept.push(`${name}=${encodeValue(value)}`);
  }
  return { query: kept.length === 0 ? '' : `?${kept.join('&')}`, rights };
}

function withQueryRights(route: AirflowRoute, rights: readonly QueryRight[]): Pick<AirflowRoute, 'permissions' | 'dagPermissions'> {
  if (rights.length === 0) return route;
  return {
    permissions: [...route.permissions, ...rights.map((right) => `deployment.airflow.${right}` as const)],
    ...(route.dagPermissions && { dagPermissions: [...route.dagPermissions, ...rights.map((right) => `dag.airflow.${right}` as const)] }),
  };
}

/** Turns the table into one tree of segments. Throws on two entries for one route: the table would be ambiguous. */
function plant(routes: readonly AirflowRoute[]): Step {
  const start = newStep();
  for (const route of routes) {
    const parts = ['api', 'v2', ...route.template.slice(1).split('/')];
    const names = parts.map((part) => (part.startsWith('{') ? part.slice(1, -1) : undefined));
    const keyAt = names.findIndex((name) => name !== undefined && pathStyleKeys.has(name));
    const placed: PlacedRoute = {
      route,
      dagAt: names.indexOf('dag_id'),
      wildcardsAt: names.flatMap((name, at) =>
        name !== undefined && mayMeanAll.has(name) ? [{ at, mayBeAll: route.wildcards.includes(name) }] : [],
      ),
      keyAt: keyAt < 0 ? Number.POSITIVE_INFINITY : keyAt,
    };
    let step = start;
    for (const [at, part] of parts.entries()) {
      if (at < placed.keyAt) step = advance(step, part, names[at]);
    }
    const ending = keyAt < 0 ? step.routes : step.keyed;
    if (ending.has(route.method)) throw new Error(`two entries for ${route.method} ${route.template}`);
    ending.set(route.method, placed);
  }
  return start;
}

function newStep(): Step {
  return { literals: new Map(), routes: new Map(), keyed: new Map() };
}

function advance(step: Step, part: string, name: string | undefined): Step {
  if (name === undefined) {
    const next = step.literals.get(part) ?? newStep();
    step.literals.set(part, next);
    return next;
  }
  step.parameter ??= { name, fits: formOf(name), next: newStep() };
  if (step.parameter.name !== name) throw new Error(`${step.parameter.name} and ${name} stand in the same place`);
  return step.parameter.next;
}

function formOf(name: string): (segment: string) => boolean {
  if (name === 'dag_id') return isDagId;
  if (wholeNumbers.has(name)) return (segment) => /^-?[0-9]{1,18}$/.test(segment);
  return (segment) => segment !== '';
}

/** What Airflow allows in a Dag id: letters and digits of any script, `_`, `-`, `.`. `~` is settled with the route. */
function isDagId(segment: string): boolean {
  return /^[A-Za-z0-9_.-]{1,250}$/.test(segment) || segment === '~' || /^[\p{L}\p{N}_.-]{1,250}$/u.test(segment);
}
