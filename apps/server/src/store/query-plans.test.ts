/** What is asked on every request, or for every token, is found by an index: its cost must not grow with the installation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { CamelCasePlugin, type CompiledQuery, Kysely, type LogEvent } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendAudit } from './audit.ts';
import { appendChange, findChain, listChanges, listFeedHeads } from './changes.ts';
import { findDeployment, lockDeployment } from './deployments.ts';
import { sqliteDialects } from './dialect.ts';
import { listConcernedDeployments, readTokenState } from './feed.ts';
import { migrate } from './migrate.ts';
import { openStore, type Tx } from './open.ts';
import { lockOrganization } from './organizations.ts';
import { listLiveDeployments } from './places.ts';
import { findLiveToken, listBindings } from './principals.ts';
import { insertTokenBindings, listAssignments, listTokenBindings, replaceTokenBindings } from './role-bindings.ts';
import type { Tables } from './schema.ts';
import { listTokenNames } from './subjects.ts';
import { deploymentIds, insertPlaces, newToken, newValue, now, organizationId, touch, workspaceId } from './test-rows.ts';
import { endToken, findToken, findTokenByName, insertToken, lockToken, noteUses, startGeneration } from './tokens.ts';
import { lockWorkspace } from './workspaces.ts';

const folder = mkdtempSync(join(tmpdir(), 'astrolabe-plans-'));
const file = join(folder, 'server.db');
const [deploymentId] = deploymentIds;
const token = newToken();
const value = newValue();
const entry = { entityType: 'DEPLOYMENT', entityId: deploymentId, deploymentId: '', role: 'DEPLOYMENT_ADMIN' } as const;
const event = {
  organizationId,
  at: now,
  action: 'token.created',
  actorType: 'SYSTEM',
  actorId: 'system',
  targetType: 'token',
  targetId: token.id,
  requestId: '',
  address: '',
  detail: '{}',
} as const;

let asked: CompiledQuery[] = [];
let db: Kysely<Tables>;
let explainer: Database.Database;

beforeAll(async () => {
  const store = openStore(`sqlite:${file}`);
  await migrate(store);
  await store.write(async (tx) => {
    await insertPlaces(tx);
    await insertToken(tx, token, value);
    await insertTokenBindings(tx, organizationId, token.id, [entry]);
  });
  await store.close();
  const { write: dialect } = sqliteDialects(file);
  const note = ({ query }: LogEvent): void => {
    asked.push(query);
  };
  db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()], log: note });
  explainer = new Database(file);
});
afterAll(async () => {
  explainer.close();
  await db.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const roles = 'role_binding by organization_id, subject_type, subject_id';

/** What is asked, and by which columns every table it looks into is searched. */
const lookUps: Readonly<Record<string, readonly [ask: (tx: Tx) => Promise<unknown>, searches: readonly string[]]>> = {
  'who presents a value': [(tx) => findLiveToken(tx, value.jtiHash, now), ['token_value by jti_hash', 'token by id']],
  'the roles of a caller': [(tx) => listBindings(tx, organizationId, 'TOKEN', token.id), [roles]],
  'the roles of a page of tokens': [(tx) => listTokenBindings(tx, organizationId, [token.id, 'x']), [roles]],
  'replacing roles': [(tx) => replaceTokenBindings(tx, organizationId, token.id, [entry]), [roles]],
  'who has roles in a workspace': [
    (tx) => listAssignments(tx, organizationId, { entityType: 'WORKSPACE', entityId: workspaceId }),
    ['role_binding by organization_id, subject_type, entity_type, entity_id'],
  ],
  'a token': [(tx) => findToken(tx, organizationId, token.id), ['token by id']],
  'a token to change': [(tx) => lockToken(tx, organizationId, token.id), ['token by id']],
  'whether a name is taken': [(tx) => findTokenByName(tx, token, token.name), ['token by organization_id, home_entity_id, <expr>, name']],
  'a new value': [
    (tx) => startGeneration(tx, token, newValue(), now, touch),
    ['token by id', 'token_value by token_id', 'token_value by jti_hash'],
  ],
  'the end of a token': [(tx) => endToken(tx, token, now, touch), ['token_value by token_id', 'token by id']],
  'the last use of a token': [(tx) => noteUses(tx, [{ organizationId, tokenId: token.id, at: now, address: '' }]), ['token by id']],
  'the names of who did it': [(tx) => listTokenNames(tx, organizationId, [token.id]), ['token by id']],
  'an organization to change': [(tx) => lockOrganization(tx, organizationId), ['organization by id']],
  'a workspace to change': [(tx) => lockWorkspace(tx, organizationId, workspaceId), ['workspace by id']],
  'a Deployment': [(tx) => findDeployment(tx, organizationId, deploymentId), ['deployment by id']],
  'a Deployment to change': [(tx) => lockDeployment(tx, organizationId, deploymentId), ['deployment by id']],
  'where Deployments are': [(tx) => listLiveDeployments(tx, organizationId, [deploymentId]), ['deployment by id']],
  'what gateways hear of a token': [(tx) => readTokenState(tx, token, now), ['token_value by token_id', roles]],
  'whose gateways hear of it': [(tx) => listConcernedDeployments(tx, token), ['deployment by id']],
  'a feed that grows': [
    (tx) => appendChange(tx, { organizationId, deploymentId, body: '{}', at: now }),
    ['deployment by id', 'deployment by id'],
  ],
  'a feed that is read': [(tx) => listChanges(tx, deploymentId, 0, 10), ['change by deployment_id, sequence']],
  'the place in a feed': [(tx) => findChain(tx, deploymentId, 1), ['change by deployment_id, sequence']],
  'where feeds stand': [(tx) => listFeedHeads(tx, [deploymentId]), ['deployment by id']],
  'an audit record': [(tx) => appendAudit(tx, event), ['organization by id', 'organization by id']],
};

test.each(Object.entries(lookUps))('%s is found by an index', async (_name, [ask, searches]) => {
  const plans = await db.transaction().execute(async (tx) => {
    asked = [];
    await ask(tx);
    return asked.flatMap(planOf);
  });
  expect(plans).toEqual(searches);
});

/** The steps in which SQLite reads tables: `<table> by <columns>`, or its own words when that is not by an index. */
function planOf({ sql, parameters }: CompiledQuery): string[] {
  const steps = explainer.prepare<unknown[], { detail: string }>(`explain query plan ${sql}`).all(...parameters);
  return steps.flatMap(({ detail }) => {
    if (!/^(SEARCH|SCAN) /.test(detail)) return [];
    const [, table, terms] = /^SEARCH (\w+) USING (?:COVERING )?INDEX \w+ \(([^)]*)\)$/.exec(detail) ?? [];
    return table && terms ? [`${table} by ${terms.replaceAll(/[=<>]\?/g, '').replaceAll(' AND ', ', ')}`] : [detail];
  });
}
