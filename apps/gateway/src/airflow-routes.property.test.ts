import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchRoute } from './airflow-routes.ts';
import { type AirflowRoute, airflowRoutes } from './airflow-table.ts';

describe('every route', () => {
  test.each(airflowRoutes.map((route) => [route.method, route.template, route] as const))(
    '%s %s is found by its template',
    (method, template, route) => {
      const found = matchRoute(method, `/api/v2${filled(template)}`);
      const closed = ['B', 'L', 'X'].includes(route.handling);
      if ('problem' in found) {
        expect(closed).toBe(true);
        expect(found.problem).toBe('permission_denied');
        expect(found.detail).toContain(`${method} ${template} is not forwarded`);
        return;
      }
      expect(closed).toBe(false);
      expect(found.route).toBe(route);
      expect(found.permissions).toEqual(route.permissions);
      expect(found.upstreamTarget).toBe(`/api/v2${filled(template)}`);
      expect(found.dag).toEqual(route.dagPermissions && { id: 'a_dag_with_a_long_name', permissions: route.dagPermissions });
    },
  );
});

describe('whatever comes in', () => {
  const pieces = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(...new Set(airflowRoutes.flatMap(({ template }) => template.slice(1).split('/').map(filledPart)))),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'a',
        'b',
        '~',
        '%7E',
        '..',
        '.',
        '%2e%2e',
        '',
        '0',
        '-1',
        'a%2Fb',
        '..%2f',
        '%2F',
        'd%61gs',
        'a;b',
        'a%3Fb',
        '%25',
        '%252F',
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 6 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => encodeURIComponent(text.toWellFormed())) },
  );
  const query = fc.oneof(
    fc.constant(''),
    fc
      .array(
        fc.constantFrom(
          'limit=1',
          'offset=2',
          'tags=x',
          'dag_id=b',
          'd%61g_id=b',
          'dag_ids=b',
          'result=t',
          'x=%zz',
          'a?b',
          '&',
          '=',
          'order_by=+a',
        ),
        { maxLength: 4 },
      )
      .map((parts) => `?${parts.join('&')}`),
  );
  const anyTarget = fc
    .tuple(fc.array(pieces, { minLength: 1, maxLength: 9 }), query)
    .map(([path, rest]) => `/api/v2/${path.join('/')}${rest}`);
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE');
  const tricks = [
    ...['/', '%2F', '.', '..', '%2e', '~', ';', '%25', '\\', '#', '?', '%00', '%C0%AF'],
    ...['', 'x', 'A', '%61', '%C3%A9', '+', ':', '0', '%7e'],
  ];
  /** A real route with something put into its path, instead of up to two characters of it. */
  const bentCall = fc
    .tuple(fc.constantFrom(...airflowRoutes), fc.nat(200), fc.constantFrom(...tricks), fc.nat(2), query)
    .map(([{ method: verb, template }, place, text, removed, rest]): [string, string] => {
      const path = `/api/v2${filled(template)}`;
      const at = place % (path.length + 1);
      return [verb, path.slice(0, at) + text + path.slice(at + removed) + rest];
    });
  const anyCall = fc.oneof({ weight: 1, arbitrary: fc.tuple(method, anyTarget) }, { weight: 3, arbitrary: bentCall });

  test('H-06 A-06 what is forwarded means the judged route and the judged Dag to a server that decodes first', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyCall, ([verb, target]) => {
        const found = matchRoute(verb, target);
        if ('problem' in found) return;
        accepted++;
        const read = readAsAirflow(verb, found.upstreamTarget);
        expect(read.map(({ route }) => route)).toContain(found.route);
        // whichever of them Airflow prefers, the Dag is the same one
        if (found.dag) for (const { parameters } of read) expect(parameters.dag_id).toBe(found.dag.id);
        if (found.route.dagPermissions && !found.dag) expect(found.wildcard).toBe(true);
        // and what came in had no other meaning
        expect(readAsAirflow(verb, target).map(({ route }) => route)).toContain(found.route);
        for (const name of new URLSearchParams(found.upstreamTarget.split('?')[1]).keys()) expect(found.route.query.has(name)).toBe(true);
      }),
      { numRuns: 20_000, seed: 3 },
    );
    expect(accepted).toBeGreaterThan(1_500);
  });

  test('H-06 what is forwarded, asked for again, is the same call', () => {
    fc.assert(
      fc.property(anyCall, ([verb, target]) => {
        const found = matchRoute(verb, target);
        if (!('problem' in found)) expect(matchRoute(verb, found.upstreamTarget)).toEqual(found);
      }),
      { numRuns: 10_000, seed: 4 },
    );
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), (verb, target) => {
        expect(matchRoute(verb, target)).toHaveProperty('problem');
      }),
      { numRuns: 2_000, seed: 5 },
    );
  });
});

const examples: Readonly<Record<string, string>> = {
  dag_id: 'a_dag_with_a_long_name',
  dag_run_id: 'manual__2026-11-26T07',
  task_id: 'a_task_with_a_long_name',
  map_index: '3',
  connection_id: 'my_conn',
  group_id: 'g',
  file_token: 'f.t',
  section: 'core',
  option: 'o',
};

function filledPart(part: string): string {
  if (!part.startsWith('{')) return part;
  const name = part.slice(1, -1);
  return examples[name] ?? (/_(id|number)$|^version/.test(name) ? '7' : 'my_key');
}

function filled(template: string): string {
  return template.split('/').map(filledPart).join('/');
}

/** The way Airflow's server reads: query off at the first `?`, then everything decoded, then routed. Written without our parser. */
function readAsAirflow(method: string, target: string): { route: AirflowRoute; parameters: Readonly<Record<string, string>> }[] {
  const path = decodeURIComponent(target.split('?', 1)[0] ?? '');
  return patterns.flatMap(({ route, pattern }) => {
    const read = route.method === method ? pattern.exec(path) : null;
    return read === null ? [] : [{ route, parameters: { ...read.groups } }];
  });
}

const patterns = airflowRoutes.map((route) => {
  const toTheEnd = /^(variable_key|pool_name|xcom_key|key)$/;
  const source = route.template.replaceAll(/\{(\w+)\}/g, (_, name: string) => `(?<${name}>${toTheEnd.test(name) ? '.*' : '[^/]+'})`);
  return { route, pattern: new RegExp(`^/api/v2${source}$`) };
});
