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
type QueryRule = 'single' | 'repeated' | 'off';

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
type AirflowRight = After<'deployment.airflow.', Permission>;
/** A right as `dag.airflow.<right>`. */
type DagRight = After<'dag.airflow.', Permission>;

interface Extras {
  readonly wildcards?: readonly string[];
  readonly queryRights?: Readonly<Record<string, AirflowRight & DagRight>>;
  /** Parameters that may be sent only with a value that means false. */
  readonly off?: readonly string[];
  /** Parameters that the document of the running Airflow does not have, because the route is of another version. */
  readonly query?: Readonly<Record<string, QueryRule>>;
  readonly streams?: boolean;
}

const run = '/dags/{dag_id}/dagRuns/{dag_run_id}';
const task = `${run}/taskInstances/{task_id}`;
const anyDag: Extras = { wildcards: ['dag_id'] };
const anyRun: Extras = { wildcards: ['dag_id', 'dag_run_id'] };
const anyTask: Extras = { wildcards: ['dag_id', 'dag_run_id', 'task_id'] };

/** Every operation of `/api/v2`, in the order of the Airflow reference. */
export const airflowRoutes: readonly AirflowRoute[] = [
  // Dags
  wide('F', 'GET', '/dags', 'viewer', ['dag.get']),
  wide('W', 'PATCH', '/dags', 'user', ['dag.update']),
  oneDag('GET', '/dags/{dag_id}', 'viewer', ['dag.get']),
  oneDag('PATCH', '/dags/{dag_id}', 'user', ['dag.update']),
  oneDag('DELETE', '/dags/{dag_id}', 'user', ['dag.delete']),
  oneDag('GET', '/dags/{dag_id}/details', 'viewer', ['dag.get']),
  oneDag('POST', '/dags/{dag_id}/favorite', 'viewer', ['dag.get']),
  oneDag('POST', '/dags/{dag_id}/unfavorite', 'viewer', ['dag.get']),
  oneDag('GET', '/dags/{dag_id}/tasks', 'viewer', ['dag.get']),
  oneDag('GET', '/dags/{dag_id}/tasks/{task_id}', 'viewer', ['dag.get']),
  oneDag('GET', '/dags/{dag_id}/dagVersions', 'viewer', ['dag.get'], anyDag),
  oneDag('GET', '/dags/{dag_id}/dagVersions/{version_number}', 'viewer', ['dag.get']),
  oneDag('GET', '/dagSources/{dag_id}', 'viewer', ['dagCode.get']),
  wide('R', 'GET', '/dagStats', 'viewer', ['dagRun.get']),
  wide('W', 'GET', '/dagTags', 'viewer', ['dag.get']),
  wide('Q', 'GET', '/dagWarnings', 'viewer', ['dag.get']),
  wide('W', 'PUT', '/parseDagFile/{file_token}', 'user', ['dag.update']),
  wide('W', 'GET', '/dagReports', 'viewer', ['dag.get'], { query: { subdir: 'single' } }), // Airflow 3.0 only

  // Dag runs
  oneDag('GET', '/dags/{dag_id}/dagRuns', 'viewer', ['dagRun.get'], anyDag),
  oneDag('POST', '/dags/{dag_id}/dagRuns', 'user', ['dagRun.create']),
  closed('B', 'POST', '/dags/{dag_id}/dagRuns/list', 'viewer', ['dagRun.get'], anyDag),
  closed('B', 'PATCH', '/dags/{dag_id}/dagRuns', 'user', ['dagRun.update', 'dagRun.delete'], anyDag),
  closed('B', 'POST', '/dags/{dag_id}/clearDagRuns', 'user', ['dagRun.update'], anyDag),
  oneDag('POST', '/dags/{dag_id}/clearPartitions', 'user', ['dagRun.update']),
  oneDag('GET', run, 'viewer', ['dagRun.get']),
  oneDag('PATCH', run, 'user', ['dagRun.update']),
  oneDag('DELETE', run, 'user', ['dagRun.delete']),
  oneDag('POST', `${run}/clear`, 'user', ['dagRun.update']),
  wide('P+F', 'GET', `${run}/upstreamAssetEvents`, 'viewer', ['dagRun.get', 'datasets.get']),
  // `result` makes the last line hold XComs
  oneDag('GET', `${run}/wait`, 'viewer', ['dagRun.get'], { queryRights: { result: 'xcom.get' }, streams: true }),
  oneDag('GET', `${run}/hitlDetails`, 'viewer', ['taskInstance.get'], anyRun),

  // task instances, logs, XComs, questions to people, state
  oneDag('GET', `${run}/taskInstances`, 'viewer', ['taskInstance.get'], anyRun),
  closed('B', 'POST', `${run}/taskInstances/list`, 'viewer', ['taskInstance.get'], anyRun),
  closed('B', 'PATCH', `${run}/taskInstances`, 'user', ['taskInstance.update', 'taskInstance.delete'], anyRun),
  oneDag('POST', '/dags/{dag_id}/clearTaskInstances', 'user', ['taskInstance.update']),
  oneDag('GET', task, 'viewer', ['taskInstance.get']),
  oneDag('PATCH', task, 'user', ['taskInstance.update']),
  oneDag('DELETE', task, 'user', ['taskInstance.delete']),
  oneDag('PATCH', `${task}/dry_run`, 'user', ['taskInstance.update']),
  oneDag('GET', `${task}/{map_index}`, 'viewer', ['taskInstance.get']),
  oneDag('PATCH', `${task}/{map_index}`, 'user', ['taskInstance.update']),
  oneDag('PATCH', `${task}/{map_index}/dry_run`, 'user', ['taskInstance.update']),
  oneDag('GET', `${task}/dependencies`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/{map_index}/dependencies`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/tries`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/{map_index}/tries`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/tries/{task_try_number}`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/{map_index}/tries/{task_try_number}`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/listMapped`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/links`, 'viewer', ['taskInstance.get']),
  oneDag('PATCH', `${run}/taskGroupInstances/{group_id}`, 'user', ['taskInstance.update']),
  oneDag('PATCH', `${run}/taskGroupInstances/{group_id}/dry_run`, 'user', ['taskInstance.update']),
  oneDag('GET', `${task}/logs/{try_number}`, 'viewer', ['taskLog.get'], { streams: true }),
  oneDag('GET', `${task}/externalLogUrl/{try_number}`, 'viewer', ['taskLog.get']),
  oneDag('GET', `${task}/xcomEntries`, 'viewer', ['xcom.get'], anyTask),
  oneDag('POST', `${task}/xcomEntries`, 'user', ['xcom.create']),
  // `deserialize` would run code of the Deployment in Airflow's API server
  oneDag('GET', `${task}/xcomEntries/{xcom_key}`, 'viewer', ['xcom.get'], { off: ['deserialize'] }),
  oneDag('PATCH', `${task}/xcomEntries/{xcom_key}`, 'user', ['xcom.update']),
  oneDag('DELETE', `${task}/xcomEntries/{xcom_key}`, 'user', ['xcom.delete']),
  oneDag('GET', `${task}/state-store`, 'viewer', ['taskInstance.get']),
  oneDag('GET', `${task}/state-store/{key}`, 'viewer', ['taskInstance.get']),
  oneDag('PUT', `${task}/state-store/{key}`, 'user', ['taskInstance.update']),
  oneDag('PATCH', `${task}/state-store/{key}`, 'user', ['taskInstance.update']),
  oneDag('DELETE', `${task}/state-store`, 'user', ['taskInstance.delete']),
  oneDag('DELETE', `${task}/state-store/{key}`, 'user', ['taskInstance.delete']),
  oneDag('GET', `${task}/{map_index}/hitlDetails`, 'viewer', ['taskInstance.get']),
  oneDag('PATCH', `${task}/{map_index}/hitlDetails`, 'user', ['taskInstance.update']),
  oneDag('GET', `${task}/{map_index}/hitlDetails/tries/{try_number}`, 'viewer', ['taskInstance.get']),

  // backfills
  wide('Q', 'GET', '/backfills', 'viewer', ['dagRun.get']),
  closed('B', 'POST', '/backfills', 'user', ['dagRun.create']),
  closed('B', 'POST', '/backfills/dry_run', 'user', ['dagRun.create']),
  closed('L', 'GET', '/backfills/{backfill_id}', 'viewer', ['dagRun.get']),
  closed('L', 'PUT', '/backfills/{backfill_id}/pause', 'user', ['dagRun.update']),
  closed('L', 'PUT', '/backfills/{backfill_id}/unpause', 'user', ['dagRun.update']),
  closed('L', 'PUT', '/backfills/{backfill_id}/cancel', 'user', ['dagRun.update']),

  // assets
  wide('W', 'GET', '/assets', 'viewer', ['datasets.get']),
  wide('W', 'GET', '/assets/{asset_id}', 'viewer', ['datasets.get']),
  wide('W', 'GET', '/assets/aliases', 'viewer', ['datasets.get']),
  wide('W', 'GET', '/assets/aliases/{asset_alias_id}', 'viewer', ['datasets.get']),
  wide('Q', 'GET', '/assets/events', 'viewer', ['datasets.get']),
  wide('W', 'POST', '/assets/events', 'op', ['datasets.create']),
  wide('W', 'POST', '/assets/{asset_id}/materialize', 'op', ['datasets.create', 'dagRun.create']),
  wide('W', 'GET', '/assets/{asset_id}/queuedEvents', 'viewer', ['datasets.get']),
  wide('W', 'DELETE', '/assets/{asset_id}/queuedEvents', 'op', ['datasets.delete']),
  oneDag('GET', '/dags/{dag_id}/assets/queuedEvents', 'viewer', ['datasets.get', 'dag.get']),
  oneDag('DELETE', '/dags/{dag_id}/assets/queuedEvents', 'op', ['datasets.delete', 'dag.update']),
  oneDag('GET', '/dags/{dag_id}/assets/{asset_id}/queuedEvents', 'viewer', ['datasets.get', 'dag.get']),
  oneDag('DELETE', '/dags/{dag_id}/assets/{asset_id}/queuedEvents', 'op', ['datasets.delete', 'dag.update']),
  wide('W', 'GET', '/assets/{asset_id}/state-store', 'viewer', ['datasets.get']),
  wide('W', 'DELETE', '/assets/{asset_id}/state-store', 'op', ['datasets.delete']),
  wide('W', 'GET', '/assets/{asset_id}/state-store/{key}', 'viewer', ['datasets.get']),
  wide('W', 'PUT', '/assets/{asset_id}/state-store/{key}', 'op', ['datasets.update']),
  wide('W', 'DELETE', '/assets/{asset_id}/state-store/{key}', 'op', ['datasets.delete']),

  // connections, variables, pools
  wide('W', 'GET', '/connections', 'op', ['connection.get']),
  wide('W', 'POST', '/connections', 'op', ['connection.create']),
  closed('B', 'PATCH', '/connections', 'op', ['connection.create', 'connection.update', 'connection.delete']),
  wide('W', 'GET', '/connections/{connection_id}', 'op', ['connection.get']),
  wide('W', 'PATCH', '/connections/{connection_id}', 'op', ['connection.update']),
  wide('W', 'DELETE', '/connections/{connection_id}', 'op', ['connection.delete']),
  wide('W', 'GET', '/variables', 'op', ['variable.get']),
  wide('W', 'POST', '/variables', 'op', ['variable.create']),
  closed('B', 'PATCH', '/variables', 'op', ['variable.create', 'variable.update', 'variable.delete']),
  wide('W', 'GET', '/variables/{variable_key}', 'op', ['variable.get']),
  wide('W', 'PATCH', '/variables/{variable_key}', 'op', ['variable.update']),
  wide('W', 'DELETE', '/variables/{variable_key}', 'op', ['variable.delete']),
  wide('W', 'GET', '/pools', 'viewer', ['pool.get']),
  wide('W', 'POST', '/pools', 'op', ['pool.create']),
  closed('B', 'PATCH', '/pools', 'op', ['pool.create', 'pool.update', 'pool.delete']),
  wide('W', 'GET', '/pools/{pool_name}', 'viewer', ['pool.get']),
  wide('W', 'PATCH', '/pools/{pool_name}', 'op', ['pool.update']),
  wide('W', 'DELETE', '/pools/{pool_name}', 'op', ['pool.delete']),
  never('POST', '/connections/test'), // runs code of providers in Airflow's API server; off there by default
  wide('W', 'POST', '/connections/defaults', 'op', ['connection.create']),
  never('POST', '/connections/enqueue-test'),
  never('GET', '/connections/enqueue-test'),

  // the instance
  wide('Q', 'GET', '/eventLogs', 'viewer', ['auditLog.get']),
  wide('W', 'GET', '/eventLogs/{event_log_id}', 'viewer', ['auditLog.get']),
  wide('W', 'GET', '/importErrors', 'viewer', ['importError.get']),
  wide('W', 'GET', '/importErrors/{import_error_id}', 'viewer', ['importError.get']),
  wide('W', 'GET', '/jobs', 'viewer', ['job.get']),
  wide('W', 'GET', '/plugins', 'viewer', ['plugin.get']),
  wide('W', 'GET', '/plugins/importErrors', 'viewer', ['plugin.get']),
  wide('W', 'GET', '/providers', 'viewer', ['provider.get']),
  wide('W', 'GET', '/config', 'viewer', ['config.get']),
  wide('W', 'GET', '/config/section/{section}/option/{option}', 'viewer', ['config.get']),
  open('GET', '/monitor/health', ['deployment.get']),
  open('GET', '/version', ['deployment.get']),
  never('GET', '/auth/login'), // leads to a page for people
  never('GET', '/auth/logout'), // would end the token of the gateway
];

/** P: the Dag in the path decides. */
function oneDag(
  method: AirflowMethod,
  template: string,
  role: AirflowRole,
  rights: readonly (AirflowRight & DagRight)[],
  extras: Extras = {},
) {
  return row('P', method, template, rights.map(onDeployment), extras, { airflowRole: role, dagPermissions: rights.map(onDag) });
}

/** A Deployment-wide right decides; the letter says what a narrower one would take. */
function wide(
  handling: 'P+F' | 'Q' | 'R' | 'F' | 'W',
  method: AirflowMethod,
  template: string,
  role: AirflowRole,
  rights: readonly AirflowRight[],
  extras: Extras = {},
) {
  return row(handling, method, template, rights.map(onDeployment), extras, { airflowRole: role });
}

/** U: Airflow asks nobody, we do. */
function open(method: AirflowMethod, template: string, permissions: readonly Permission[]) {
  return row('U', method, template, permissions, {}, {});
}

/** B and L: known, with the rights they will need, and not forwarded in this version. */
function closed(
  handling: 'B' | 'L',
  method: AirflowMethod,
  template: string,
  role: AirflowRole,
  rights: readonly AirflowRight[],
  extras: Extras = {},
) {
  return row(handling, method, template, rights.map(onDeployment), extras, { airflowRole: role });
}

/** X: nobody's business. */
function never(method: AirflowMethod, template: string) {
  return row('X', method, template, [], {}, {});
}

function row(
  handling: Handling,
  method: AirflowMethod,
  template: string,
  permissions: readonly Permission[],
  extras: Extras,
  more: Pick<AirflowRoute, 'airflowRole' | 'dagPermissions'>,
): AirflowRoute {
  const operations: Readonly<Record<string, { readonly query: Readonly<Record<string, string>> }>> = declared.operations;
  const query = new Map<string, QueryRule>(Object.entries(extras.query ?? {}));
  for (const [name, occurs] of Object.entries(operations[`${method} ${template}`]?.query ?? {})) {
    query.set(name, occurs === 'repeated' ? 'repeated' : 'single');
  }
  for (const name of extras.off ?? []) query.set(name, 'off');
  return {
    method,
    template,
    handling,
    permissions,
    ...more,
    wildcards: extras.wildcards ?? [],
    query,
    queryRights: new Map(Object.entries(extras.queryRights ?? {})),
    streams: extras.streams ?? false,
  };
}

function onDeployment<Right extends AirflowRight>(right: Right): `deployment.airflow.${Right}` {
  return `deployment.airflow.${right}`;
}

function onDag<Right extends DagRight>(right: Right): `dag.airflow.${Right}` {
  return `dag.airflow.${right}`;
}
