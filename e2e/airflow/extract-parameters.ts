/**
 * Writes what the gateway needs of Airflow's OpenAPI document to `apps/gateway/src/airflow-parameters.json`: every
 * public operation of the release in `requirements.txt`, with the query parameters it declares.
 *
 * `node e2e/airflow/extract-parameters.ts` starts that Airflow and asks it. Run it after a change of release and review
 * the difference: a new line is a new door, which stays closed until the gateway's route table names it.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposableFolder } from '../process.ts';
import { createSharedSecret } from './environment.ts';
import { startAirflow } from './start.ts';

/** Whether a query parameter may occur once or several times. */
type Occurrence = 'single' | 'repeated';

interface AirflowParameters {
  readonly airflow: string;
  /** By method and path template below `/api/v2`, in the order of the path. */
  readonly operations: { readonly [operation: string]: { readonly query: { readonly [name: string]: Occurrence } } };
}

const prefix = '/api/v2';
const methods = ['get', 'post', 'put', 'patch', 'delete'];
const output = new URL('../../apps/gateway/src/airflow-parameters.json', import.meta.url);

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'astrolabe-parameters-'));
  const removeFolder = disposableFolder(dir);
  const airflow = await startAirflow({ dir, environment: createSharedSecret(), onProgress: (text) => console.error(text) });
  try {
    const document = await readJson(`${airflow.url}/openapi.json`);
    const version = child(await readJson(`${airflow.url}${prefix}/version`), 'version');
    const parameters = extractParameters(String(version), document);
    writeFileSync(output, `${JSON.stringify(parameters, undefined, 2)}\n`);
    console.log(`${Object.keys(parameters.operations).length} operations of Airflow ${parameters.airflow}`);
  } finally {
    await airflow.stop();
    removeFolder();
  }
}

/** Throws on an operation outside `/api/v2`, because nobody decided what that would mean. */
function extractParameters(airflow: string, document: unknown): AirflowParameters {
  const operations: [string, { query: { [name: string]: Occurrence } }][] = [];
  for (const [path, item] of Object.entries(record(child(document, 'paths')))) {
    if (!path.startsWith(`${prefix}/`)) throw new Error(`${path} is not below ${prefix}`);
    for (const [method, operation] of Object.entries(record(item))) {
      if (!methods.includes(method)) throw new Error(`${path} has a member ${method}, which is no known method`);
      operations.push([`${method.toUpperCase()} ${path.slice(prefix.length)}`, { query: queryOf(operation) }]);
    }
  }
  return { airflow, operations: Object.fromEntries(operations.sort(([a], [b]) => compare(pathFirst(a), pathFirst(b)))) };
}

function queryOf(operation: unknown): { [name: string]: Occurrence } {
  const parameters = child(operation, 'parameters') ?? [];
  if (!Array.isArray(parameters)) throw new Error('parameters are not a list');
  const query = parameters.filter((parameter) => child(parameter, 'in') === 'query');
  const entries = query.map((parameter): [string, Occurrence] => [
    String(child(parameter, 'name')),
    occurrence(child(parameter, 'schema')),
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => compare(a, b)));
}

/** FastAPI reads a list from repeats of the name; `null` beside it only means that the parameter may be missing. */
function occurrence(schema: unknown): Occurrence {
  const choices = child(schema, 'anyOf');
  const types = (Array.isArray(choices) ? choices : [schema]).map((choice) => child(choice, 'type'));
  return types.includes('array') ? 'repeated' : 'single';
}

const pathFirst = (operation: string): string => operation.split(' ').reverse().join(' ');
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

async function readJson(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}`);
  return response.json();
}

function record(value: unknown): { readonly [name: string]: unknown } {
  if (typeof value !== 'object' || value === null) throw new Error('expected an object');
  return { ...value };
}

const child = (value: unknown, name: string): unknown => record(value)[name];

if (import.meta.main) await main();
