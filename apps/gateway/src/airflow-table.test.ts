import { isPermission } from '@astrolabe/policy';
import { describe, expect, test } from 'vitest';
import declared from './airflow-parameters.json' with { type: 'json' };
import { type AirflowRoute, airflowRoutes } from './airflow-table.ts';

const nameOf = (route: AirflowRoute): string => `${route.method} ${route.template}`;
const lettersOf = (letters: readonly string[]): readonly AirflowRoute[] =>
  airflowRoutes.filter(({ handling }) => letters.includes(handling));

describe('the table of Airflow routes', () => {
  test('has every operation of the running Airflow, and besides only one that was in Airflow 3.0 alone', () => {
    const ours = new Set(airflowRoutes.map(nameOf));
    expect(declared.airflow).toBe('3.3.2');
    expect(Object.keys(declared.operations).filter((operation) => !ours.has(operation))).toEqual([]);
    expect([...ours].filter((operation) => !(operation in declared.operations))).toEqual(['GET /dagReports']);
  });

  test('has each operation once', () => {
    expect(new Set(airflowRoutes.map(nameOf)).size).toBe(airflowRoutes.length);
  });

  test('declares the query parameters that the running Airflow declares', () => {
    const operations: Readonly<Record<string, { readonly query: Readonly<Record<string, string>> }>> = declared.operations;
    for (const route of airflowRoutes) {
      if (route.template === '/dagReports') continue;
      expect([...route.query.keys()].sort()).toEqual(Object.keys(operations[nameOf(route)]?.query ?? {}).sort());
      for (const [name, rule] of route.query) {
        if (rule !== 'off') expect(`${name} ${rule}`).toBe(`${name} ${operations[nameOf(route)]?.query[name]}`);
      }
    }
  });

  test('asks only for rights that are in the catalogue', () => {
    const asked = airflowRoutes.flatMap((route) => [
      ...route.permissions,
      ...(route.dagPermissions ?? []),
      ...[...route.queryRights.values()].flatMap((right) => [`deployment.airflow.${right}`, `dag.airflow.${right}`]),
    ]);
    expect(asked.filter((permission) => !isPermission(permission))).toEqual([]);
  });

  test('asks for at least one right on every route but those that nobody gets', () => {
    const rightless = airflowRoutes.filter(({ permissions }) => permissions.length === 0);
    expect(rightless).toEqual(lettersOf(['X']));
  });

  test('A-06 is open to callers limited to Dags only where one Dag is named in the path and nothing else decides', () => {
    for (const route of airflowRoutes) {
      if (route.dagPermissions === undefined) continue;
      expect(route.handling).toBe('P');
      expect(route.template.match(/\{dag_id\}/g)).toHaveLength(1);
      expect(route.dagPermissions.length).toBe(route.permissions.length);
      // no second way to say which Dag is meant
      expect([...route.query.keys()].filter((name) => /^(source_)?dag_ids?$/.test(name))).toEqual([]);
    }
  });

  test('A-06 asks on the Dag for the same rights as on the Deployment', () => {
    for (const { permissions, dagPermissions } of lettersOf(['P'])) {
      expect(dagPermissions).toEqual(permissions.map((permission) => permission.replace('deployment.', 'dag.')));
    }
  });

  test('sends no credential to Airflow where it asks for none, and a role everywhere else', () => {
    for (const route of airflowRoutes) {
      expect(route.airflowRole === undefined, nameOf(route)).toBe(route.handling === 'U' || route.handling === 'X');
    }
  });

  test('gives the reading role to nothing that changes a Dag, an asset or a setting', () => {
    const reading = airflowRoutes.filter(({ method, airflowRole }) => method !== 'GET' && airflowRole === 'viewer').map(nameOf);
    expect(reading).toEqual([
      'POST /dags/{dag_id}/favorite', // Airflow asks for reading the Dag: it is the caller's own list
      'POST /dags/{dag_id}/unfavorite',
      'POST /dags/{dag_id}/dagRuns/list', // these two read, and are not forwarded yet
      'POST /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/list',
    ]);
  });

  test('lets ~ stand only for Dag, run and task, and only where the Airflow reference says so', () => {
    const withWildcards = airflowRoutes.filter(({ wildcards }) => wildcards.length > 0);
    expect(Object.fromEntries(withWildcards.map((route) => [nameOf(route), route.wildcards.join(' ')]))).toEqual({
      'GET /dags/{dag_id}/dagVersions': 'dag_id',
      'GET /dags/{dag_id}/dagRuns': 'dag_id',
      'POST /dags/{dag_id}/dagRuns/list': 'dag_id',
      'PATCH /dags/{dag_id}/dagRuns': 'dag_id',
      'POST /dags/{dag_id}/clearDagRuns': 'dag_id',
      'GET /dags/{dag_id}/dagRuns/{dag_run_id}/hitlDetails': 'dag_id dag_run_id',
      'GET /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances': 'dag_id dag_run_id',
      'POST /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/list': 'dag_id dag_run_id',
      'PATCH /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances': 'dag_id dag_run_id',
      'GET /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries': 'dag_id dag_run_id task_id',
    });
  });

  test('forwards nothing whose body decides, that needs a look-up, or that is nobody’s business', () => {
    expect(lettersOf(['B', 'L', 'X']).map(nameOf)).toEqual([
      'POST /dags/{dag_id}/dagRuns/list',
      'PATCH /dags/{dag_id}/dagRuns',
      'POST /dags/{dag_id}/clearDagRuns',
      'POST /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/list',
      'PATCH /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances',
      'POST /backfills',
      'POST /backfills/dry_run',
      'GET /backfills/{backfill_id}',
      'PUT /backfills/{backfill_id}/pause',
      'PUT /backfills/{backfill_id}/unpause',
      'PUT /backfills/{backfill_id}/cancel',
      'PATCH /connections',
      'PATCH /variables',
      'PATCH /pools',
      'POST /connections/test',
      'POST /connections/enqueue-test',
      'GET /connections/enqueue-test',
      'GET /auth/login',
      'GET /auth/logout',
    ]);
  });
});
