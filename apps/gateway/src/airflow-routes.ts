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
 * and then `proxy.forward(request, response, { target: match.upstreamTarget, authorization, requestId, streams })` with
 * `authorization` from `minter.mint(token, match.route.airflowRole)`, or without one when the route has no role.
 */
import type { Permission } from '@astrolabe/policy';
import type { AirflowMethod, AirflowRoute } from './airflow-table.ts';

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
