/**
 * The one table of Airflow routes: method and path template → right, smallest role in Airflow, how it is handled.
 *
 * What is not in it is not let in. Letters of `handling`, as in the Airflow reference:
 *
 * | letter | meaning | Deployment-wide right | right on one Dag |
 * |---|---|---|---|
 * | P | the one Dag in the path decides | forwarded | forwarded, never with `~` |
 * | P+F | as P, but the answer names other Dags | forwarded | refused |
 * | Q, R, F | a query parameter, a rewritten call or a filtered answer would decide | forwarded | refused |
 * | W | concerns the whole Deployment | forwarded | refused |
 * | U | needs no credential in Airflow, so none goes there | forwarded | refused |
 * | B | the body names what it acts on | never forwarded in this version: 403 | the same |
 * | L | only a look-up would tell which Dag it concerns | never forwarded in this version: 403 | the same |
 * | X | never forwarded: 403 | the same | the same |
 *
 * Where the reference offers two ways (`W or L`), the one that needs nothing but a Deployment-wide right is taken. The
 * roles are the smallest that Airflow's own Simple auth manager asks for: viewer reads, user changes Dags, op changes
 * assets, connections, pools and variables.
 */
import type { Permission } from '@astrolabe/policy';
import declared from './airflow-parameters.json' with { type: 'json' };

export type AirflowMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Roles of Airflow's Simple auth manager, smallest first. */
export type AirflowRole = 'viewer' | 'user' | 'op' | 'admin';
export type Handling = 'P' | 'P+F' | 'Q' | 'R' | 'F' | 'W' | 'U' | 'B' | 'L' | 'X';

/**
 * How often a query parameter may occur. `off`: only a value that means false is let through. What is not declared is
 * dropped.
 */
export type QueryRule = 'single' | 'repeated' | 'off';

export interface AirflowRoute {
  readonly method: AirflowMethod;
  /** Path under `/api/v2`, e.g. `/dags/{dag_id}/dagRuns`. */
  readonly template: string;
  readonly handling: Handling;
  /** What a caller must hold on the Deployment: all of them. */
  readonly permissions: readonly Permission[];
  /** What a caller must hold on the Dag in the path, all of them. Only P has it: every other letter is closed to callers limited to Dags. */
  readonly dagPermissions?: readonly Permission[];
  /** Role of the token for Airflow. Absent: no credential goes there (U), or nothing does (X). */
  readonly airflowRole?: AirflowRole;
  /** Parameters of the path that may be `~`, "all of them". */
  readonly wildcards: readonly string[];
  readonly query: ReadonlyMap<string, QueryRule>;
  /** What a caller needs as well when it sends this query parameter. */
  readonly queryRights: ReadonlyMap<string, AirflowRight & DagRight>;
  /** The answer may pause for longer than any time limit: logs that follow, waiting for a run. */
  readonly streams: boolean;
}

type After<Prefix extends string, P> = P extends `${Prefix}${infer Right}` ? Right : never;
/** A right as `deployment.airflow.<right>`. */
export type AirflowRight = After<'deployment.airflow.', Permission>;
/** A right as `dag.airflow.<right>`. */
export type DagRight = After<'dag.airflow.', Permission>;
