import { array, assert, constantFrom, property, subarray, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allows, covered, covers, type Entity, type EntityType, type Grant, grantOf, type Holder } from './allows.ts';
import { encodePermissions } from './bits.ts';
import { catalogue, catalogueVersion, levelOf, type Permission } from './catalogue.ts';
import { builtInRoles } from './roles.ts';

const organization: Entity = { organizationId: 'o1' };
const workspace: Entity = { ...organization, workspaceId: 'w1' };
const deployment: Entity = { ...workspace, deploymentId: 'd1' };
const dag: Entity = { ...deployment, dagId: 'dag1', dagTags: ['red'] };

const permissions = catalogue.map(({ permission }) => permission);
const onDags = permissions.filter((permission) => levelOf(permission) === 'dag');

/** Grants in two organizations, overlapping enough that covering and not covering both happen often. */
const places: readonly { readonly type: EntityType; readonly id: string; readonly entity: Entity }[] = [
  { type: 'ORGANIZATION', id: 'o1', entity: organization },
  { type: 'ORGANIZATION', id: 'o2', entity: { organizationId: 'o2' } },
  { type: 'WORKSPACE', id: 'w1', entity: workspace },
  { type: 'WORKSPACE', id: 'w2', entity: { ...organization, workspaceId: 'w2' } },
  { type: 'DEPLOYMENT', id: 'd1', entity: deployment },
  { type: 'DEPLOYMENT', id: 'd2', entity: { ...workspace, deploymentId: 'd2' } },
  { type: 'DAG', id: 'dag1', entity: deployment },
  { type: 'DAG', id: 'dag2', entity: deployment },
];
const tagPlace = { type: 'DAG_TAG', id: 'red', entity: deployment } as const;

interface Placed {
  readonly grant: Grant;
  readonly entity: Entity;
}

const few: readonly Permission[] = [
  'dag.airflow.dagRun.get',
  'dag.airflow.dagRun.create',
  'deployment.airflow.dagRun.get',
  'deployment.airflow.dagRun.create',
  'deployment.get',
  'workspace.get',
  'organization.get',
];
const place = ({ type, id, entity }: (typeof places)[number], set: readonly Permission[]): Placed => ({
  grant: grantOf({ permissions: set }, type, id, type.startsWith('DAG') ? entity.deploymentId : undefined),
  entity,
});
const placed = (from = places) => constantFrom(...from).chain((where) => subarray([...few]).map((set) => place(where, set)));
const grants = (from = places) => array(placed(from), { maxLength: 4 });
const holderOf = (list: readonly Placed[]): Holder => ({ grants: list.map(({ grant }) => grant) });
const holding = (name: keyof typeof builtInRoles, type: EntityType, id: string, deploymentId?: string): Holder => ({
  grants: [grantOf(builtInRoles[name], type, id, deploymentId)],
});

const asked: readonly Entity[] = [
  ...places.map(({ entity }) => entity),
  dag,
  { ...deployment, dagId: 'dag2', dagTags: [] },
  { ...workspace, deploymentId: 'd2', dagId: 'dag1', dagTags: ['red'] },
];

describe('allows', () => {
  test('a right reaches down from its level to everything below, and nothing beside it', () => {
    for (const permission of permissions) {
      for (const { type, id, entity } of places.slice(0, 6)) {
        const grant = grantOf({ permissions: [permission] }, type, id);
        const holder = { grants: [grant] };
        const held = grant.permissions.has(permission);
        expect(allows(holder, permission, entity)).toBe(held);
        expect(allows(holder, permission, { ...dag, ...entity })).toBe(held);
        for (const other of asked.filter((one) => !isBelow(one, entity))) expect(allows(holder, permission, other)).toBe(false);
      }
    }
  });

  test('deployment.airflow.X on the Deployment, the workspace or the organization allows dag.airflow.X on every Dag', () => {
    for (const permission of onDags) {
      const wide = permission.replace('dag.', 'deployment.') as Permission; // roles.test.ts proves that it is one
      for (const { type, id } of places.filter(({ id }) => ['o1', 'w1', 'd1'].includes(id))) {
        const holder = { grants: [grantOf({ permissions: [wide] }, type, id)] };
        expect(allows(holder, permission, dag)).toBe(true);
        expect(allows(holder, permission, deployment)).toBe(true);
      }
    }
  });

  test('A-06 a role on one Dag gives nothing on another Dag, on the same Dag id elsewhere, or on the Deployment', () => {
    const holder = holding('DAG_AUTHOR', 'DAG', 'dag1', 'd1');
    expect(allows(holder, 'dag.airflow.dagRun.create', dag)).toBe(true);
    expect(allows(holder, 'deployment.airflow.dagRun.create', dag)).toBe(false);
    expect(allows(holder, 'dag.airflow.dagRun.create', { ...dag, dagId: 'dag2' })).toBe(false);
    expect(allows(holder, 'dag.airflow.dagRun.create', { ...dag, deploymentId: 'd2' })).toBe(false);
    expect(allows(holder, 'dag.airflow.dagRun.create', deployment)).toBe(false);
    expect(allows(holder, 'deployment.get', deployment)).toBe(false);
  });

  test('a role on a tag follows the tags the Dag has now', () => {
    const holder = holding('DAG_VIEWER', 'DAG_TAG', 'red', 'd1');
    expect(allows(holder, 'dag.airflow.dag.get', dag)).toBe(true);
    expect(allows(holder, 'dag.airflow.dag.get', { ...dag, dagTags: ['Red', 'red ', 'blue'] })).toBe(false);
    expect(allows(holder, 'dag.airflow.dag.get', { ...deployment, dagId: 'dag1' })).toBe(false);
    expect(allows(holder, 'dag.airflow.dag.get', { ...deployment, dagTags: ['red'] })).toBe(false);
    expect(allows(holder, 'dag.airflow.dag.get', { ...dag, deploymentId: 'd2' })).toBe(false);
  });

  test('a Dag grant that does not say where its Dag lives gives nothing', () => {
    expect(allows(holding('DAG_AUTHOR', 'DAG', 'dag1'), 'dag.airflow.dag.get', { ...organization, dagId: 'dag1' })).toBe(false);
    expect(allows(holding('DAG_AUTHOR', 'DAG', 'dag1'), 'dag.airflow.dag.get', dag)).toBe(false);
  });

  test('a grant gives no right wider than its entity, even if one was stored in it', () => {
    const grant: Grant = {
      entityType: 'DEPLOYMENT',
      entityId: 'd1',
      permissions: new Set(['organization.apiTokens.create', 'workspace.get']),
    };
    expect(allows({ grants: [grant] }, 'organization.apiTokens.create', deployment)).toBe(false);
    expect(allows({ grants: [grant] }, 'workspace.get', deployment)).toBe(false);
    const onDag: Grant = { ...grant, entityType: 'DAG', entityId: 'dag1', deploymentId: 'd1', permissions: new Set(['deployment.update']) };
    expect(allows({ grants: [onDag] }, 'deployment.update', dag)).toBe(false);
    expect(grantOf(builtInRoles.ORGANIZATION_OWNER, 'DAG', 'dag1', 'd1').permissions).toEqual(new Set(onDags));
  });

  test('an entity type or a right that this version does not know gives nothing', () => {
    const grant = { entityType: 'PLANET', entityId: 'o1', permissions: new Set(permissions) } as unknown as Grant;
    expect(allows({ grants: [grant] }, 'organization.get', organization)).toBe(false);
    expect(covers(holding('ORGANIZATION_OWNER', 'ORGANIZATION', 'o1'), [{ grant, entity: organization }])).toBe(false);
    expect(allows(holding('ORGANIZATION_OWNER', 'ORGANIZATION', 'o1'), 'deployment.unknown' as Permission, deployment)).toBe(false);
  });

  test('adding a grant never removes a right', () => {
    return assert(
      property(grants(), placed(), constantFrom(...few), constantFrom(...asked), (list, more, permission, entity) => {
        const before = allows(holderOf(list), permission, entity);
        expect(before && !allows(holderOf([...list, more]), permission, entity)).toBe(false);
      }),
    );
  });
});

describe('covers', () => {
  test('A-03 whoever holds a grant on an entity may give it away there', () => {
    return assert(
      property(grants(), (list) => {
        expect(covers(holderOf(list), list)).toBe(true);
      }),
    );
  });

  test('A-03 rights do not grow on the way: who covers one who covers a third covers the third', () => {
    const anywhere = [...places, tagPlace];
    return assert(
      property(grants(anywhere), grants(anywhere), grants(anywhere), (first, second, third) => {
        if (!covers(holderOf(first), second) || !covers(holderOf(second), third)) return;
        expect(covers(holderOf(first), third)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('A-03 nobody gives away what it could not do itself', () => {
    const anywhere = [...places, tagPlace];
    return assert(
      property(grants(anywhere), placed(anywhere), constantFrom(...few), constantFrom(...asked), (list, given, permission, entity) => {
        if (!covers(holderOf(list), [given]) || !allows({ grants: [given.grant] }, permission, entity)) return;
        expect(allows(holderOf(list), permission, { ...given.entity, ...entity })).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('A-03 a narrower holder never covers a wider role', () => {
    const author = holding('WORKSPACE_AUTHOR', 'WORKSPACE', 'w1');
    const grant = (name: keyof typeof builtInRoles, type: EntityType, id: string) => grantOf(builtInRoles[name], type, id);
    expect(covers(author, [{ grant: grant('WORKSPACE_MEMBER', 'WORKSPACE', 'w1'), entity: workspace }])).toBe(true);
    expect(covers(author, [{ grant: grant('WORKSPACE_OPERATOR', 'WORKSPACE', 'w1'), entity: workspace }])).toBe(false);
    expect(covers(author, [{ grant: grant('WORKSPACE_MEMBER', 'WORKSPACE', 'w2'), entity: { ...organization, workspaceId: 'w2' } }])).toBe(
      false,
    );
    expect(covers(author, [{ grant: grant('DEPLOYMENT_ADMIN', 'DEPLOYMENT', 'd1'), entity: deployment }])).toBe(false);
    const admin = holding('DEPLOYMENT_ADMIN', 'DEPLOYMENT', 'd1');
    expect(covers(admin, [{ grant: grant('WORKSPACE_ACCESSOR', 'WORKSPACE', 'w1'), entity: deployment }])).toBe(false);
    expect(covers(admin, [{ grant: grant('ORGANIZATION_MEMBER', 'ORGANIZATION', 'o1'), entity: deployment }])).toBe(false);
  });

  test('A-03 a tag right needs the Deployment-wide one, and a Dag held by way of its tag cannot be given away', () => {
    const onTag = { grant: grantOf(builtInRoles.DAG_VIEWER, 'DAG_TAG', 'red', 'd1'), entity: deployment };
    const onDag = { grant: grantOf(builtInRoles.DAG_VIEWER, 'DAG', 'dag1', 'd1'), entity: dag };
    const byTag = { grants: [onTag.grant] };
    expect(covers(byTag, [onTag])).toBe(false);
    expect(covers(byTag, [onDag])).toBe(false);
    expect(covers({ grants: [onDag.grant] }, [onDag])).toBe(true);
    expect(covers({ grants: [onDag.grant] }, [onTag])).toBe(false);
    expect(covers(holding('DEPLOYMENT_ADMIN', 'DEPLOYMENT', 'd1'), [onTag, onDag])).toBe(true);
    expect(covers(holding('DEPLOYMENT_ADMIN', 'DEPLOYMENT', 'd2'), [onTag])).toBe(false);
  });

  test('a place that names another entity than its grant is a no', () => {
    const owner = holding('WORKSPACE_OWNER', 'WORKSPACE', 'w1');
    const elsewhere = grantOf(builtInRoles.DEPLOYMENT_ADMIN, 'DEPLOYMENT', 'd9');
    expect(covers(owner, [{ grant: elsewhere, entity: deployment }])).toBe(false);
    const homeless = grantOf(builtInRoles.DAG_VIEWER, 'DAG', 'dag1');
    expect(covers(owner, [{ grant: homeless, entity: dag }])).toBe(false);
  });
});

describe('covered', () => {
  const set = (...rights: readonly Permission[]): string => encodePermissions(rights);
  const frozen = {
    version: catalogueVersion,
    deployments: {
      d1: {
        permissions: set('deployment.get'),
        dags: { dag1: set('dag.airflow.dag.get') },
        dagTags: { blue: set('dag.airflow.dagRun.get') },
      },
      d2: { permissions: set('deployment.airflow.dag.get', 'dag.airflow.dag.get') },
    },
  };

  test('frozen grants allow what they name, where they name it, and nothing else', () => {
    expect(covered(frozen, 'deployment.get', deployment)).toBe(true);
    expect(covered(frozen, 'deployment.update', deployment)).toBe(false);
    expect(covered(frozen, 'dag.airflow.dag.get', dag)).toBe(true);
    expect(covered(frozen, 'dag.airflow.dag.get', deployment)).toBe(false);
    expect(covered(frozen, 'dag.airflow.dag.get', { ...dag, dagId: 'dag2' })).toBe(false);
    expect(covered(frozen, 'dag.airflow.dagRun.get', { ...dag, dagTags: ['blue'] })).toBe(true);
    expect(covered(frozen, 'dag.airflow.dagRun.get', dag)).toBe(false);
    expect(covered(frozen, 'dag.airflow.dag.get', { ...workspace, deploymentId: 'd2', dagId: 'any' })).toBe(true);
    expect(covered(frozen, 'deployment.get', { ...workspace, deploymentId: 'd3' })).toBe(false);
    expect(covered(frozen, 'deployment.get', workspace)).toBe(false);
  });

  test('upgrades add nothing: an implication is not applied to what was frozen before it', () => {
    const coarseOnly = { version: catalogueVersion, deployments: { d1: { permissions: set('deployment.update') } } };
    expect(covered(coarseOnly, 'deployment.variables.update', deployment)).toBe(false);
  });

  test('names from the prototype are no Deployments, Dags or tags', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(covered(frozen, 'deployment.get', { ...workspace, deploymentId: name })).toBe(false);
      expect(covered(frozen, 'dag.airflow.dag.get', { ...deployment, dagId: name, dagTags: [name] })).toBe(false);
    }
  });

  test('frozen rights wider than a Deployment give nothing', () => {
    const wide = { version: catalogueVersion, deployments: { d1: { permissions: set('organization.get', 'workspace.get') } } };
    expect(covered(wide, 'organization.get', deployment)).toBe(false);
    expect(covered(wide, 'workspace.get', deployment)).toBe(false);
  });

  test('frozen grants agree with live ones for every set of rights', () => {
    return assert(
      property(uniqueArray(constantFrom(...permissions)), constantFrom(...permissions), (rights, permission) => {
        const grant = grantOf({ permissions: rights }, 'DEPLOYMENT', 'd1');
        const grants = { version: catalogueVersion, deployments: { d1: { permissions: encodePermissions(grant.permissions) } } };
        expect(covered(grants, permission, dag)).toBe(allows({ grants: [grant] }, permission, dag));
      }),
    );
  });
});

function isBelow(entity: Entity, above: Entity): boolean {
  return (['organizationId', 'workspaceId', 'deploymentId'] as const).every(
    (level) => above[level] === undefined || above[level] === entity[level],
  );
}
