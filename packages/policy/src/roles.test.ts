import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogue, catalogueLengths, catalogueVersion, isPermission, levelOf, type Permission } from './catalogue.ts';
import { expand } from './implications.ts';
import { builtInRoles, findBuiltInRole, type RoleDefinition, tokenPermissionsOf } from './roles.ts';

const roles: readonly RoleDefinition[] = Object.values(builtInRoles);
const snapshot = JSON.parse(readFileSync(new URL('roles.snapshot.json', import.meta.url), 'utf8')) as unknown;

const sorted = (permissions: Iterable<Permission>): readonly Permission[] => [...permissions].sort();
const given = (name: keyof typeof builtInRoles): ReadonlySet<Permission> => expand(builtInRoles[name].permissions);

describe('catalogue', () => {
  test('A-12 rights keep their bit: the committed list is the beginning of the catalogue, in its order', () => {
    // To add a right, append it to catalogue.ts and to "catalogue" in roles.snapshot.json, both by hand.
    expect(snapshot).toMatchObject({ catalogue: catalogue.map(({ permission }) => permission) });
  });

  test('every right is there once, has a description, and its version knows its length', () => {
    expect(new Set(catalogue.map(({ permission }) => permission)).size).toBe(catalogue.length);
    expect(catalogue.every(({ description }) => description.length > 0)).toBe(true);
    expect(catalogueLengths.get(catalogueVersion)).toBe(catalogue.length);
    expect(Math.max(...catalogueLengths.keys())).toBe(catalogueVersion);
  });

  test('every right begins with its level', () => {
    for (const { permission } of catalogue) expect(['organization', 'workspace', 'deployment', 'dag']).toContain(levelOf(permission));
  });

  test('A-07 no spelling of a right but its own is one', () => {
    for (const { permission } of catalogue) {
      for (const variant of variantsOf(permission)) expect(isPermission(variant), JSON.stringify(variant)).toBe(false);
      expect(isPermission(permission)).toBe(true);
    }
    for (const text of ['', '*', 'deployment.*', 'deployment', '__proto__', 'constructor', 'toString'])
      expect(isPermission(text)).toBe(false);
  });
});

describe('expand', () => {
  test('a coarse right brings the finer ones that were cut from it, and not the other way round', () => {
    expect(sorted(expand(['deployment.update']))).toEqual(['deployment.update', 'deployment.variables.get', 'deployment.variables.update']);
    expect(sorted(expand(['deployment.deploys.create']))).toEqual([
      'deployment.deploys.create',
      'deployment.deploys.dags.create',
      'deployment.deploys.image.create',
    ]);
    expect(sorted(expand(['deployment.variables.update']))).toEqual(['deployment.variables.update']);
    expect(sorted(expand(['deployment.deploys.dags.create']))).toEqual(['deployment.deploys.dags.create']);
  });

  test('deployment.airflow.X brings dag.airflow.X wherever there is one, and never the other way round', () => {
    for (const { permission } of catalogue) {
      const expanded = expand([permission]);
      if (levelOf(permission) === 'dag') {
        expect(sorted(expanded)).toEqual([permission]);
        const wide = permission.replace('dag.', 'deployment.');
        expect(isPermission(wide), wide).toBe(true);
        expect(expand([wide as Permission]).has(permission)).toBe(true);
      }
    }
  });

  test('an unknown right in a stored role gives nothing', () => {
    expect(expand(['deployment.airflow.nothing.get' as Permission, '__proto__' as Permission])).toEqual(new Set());
  });
});

describe('built-in roles', () => {
  test('A-12 their exact rights are written down twice: in code, and expanded in roles.snapshot.json', () => {
    // A difference here means that a role gained or lost rights. If that is the purpose, change the file by hand.
    const expanded = Object.fromEntries(
      roles.flatMap((role) => [
        [role.name, sorted(expand(role.permissions))],
        ...(role.tokenPermissions === undefined ? [] : [[`${role.name} (token)`, sorted(expand(role.tokenPermissions))]]),
      ]),
    );
    expect(snapshot).toMatchObject({ roles: expanded });
    expect(Object.keys((snapshot as { roles: object }).roles)).toEqual(Object.keys(expanded));
  });

  test('A-07 a role is found by its exact name only', () => {
    for (const role of roles) {
      expect(findBuiltInRole(role.name)).toBe(role);
      for (const variant of variantsOf(role.name)) expect(findBuiltInRole(variant), JSON.stringify(variant)).toBeUndefined();
    }
    for (const name of ['', '__proto__', 'constructor', 'hasOwnProperty', 'toString']) expect(findBuiltInRole(name)).toBeUndefined();
  });

  test('A-04 a built-in Deployment role lets people manage credentials, and tokens only see them', () => {
    for (const role of roles.filter(({ scope }) => scope === 'DEPLOYMENT')) {
      const managing = sorted(expand(tokenPermissionsOf(role))).filter((permission) => /^deployment\.(api|agent)Tokens\./.test(permission));
      expect(managing.filter((permission) => !permission.endsWith('.get'))).toEqual([]);
    }
    expect(given('DEPLOYMENT_ADMIN').has('deployment.apiTokens.rotate')).toBe(true);
    expect(given('DEPLOYMENT_ADMIN').has('deployment.agentTokens.create')).toBe(true);
    expect(expand(tokenPermissionsOf(builtInRoles.DEPLOYMENT_ADMIN)).has('deployment.apiTokens.get')).toBe(true);
  });

  test('what a role gives to a token is never more than it gives to a person', () => {
    for (const role of roles) expect(expand(tokenPermissionsOf(role)).isSubsetOf(expand(role.permissions)), role.name).toBe(true);
  });

  test('wider roles hold the narrower ones of their level', () => {
    for (const chain of [
      [
        'ORGANIZATION_MEMBER',
        'ORGANIZATION_OBSERVE_MEMBER',
        'ORGANIZATION_OBSERVE_ADMIN',
        'ORGANIZATION_BILLING_ADMIN',
        'ORGANIZATION_OWNER',
      ],
      ['WORKSPACE_ACCESSOR', 'WORKSPACE_MEMBER', 'WORKSPACE_AUTHOR', 'WORKSPACE_OPERATOR', 'WORKSPACE_OWNER', 'ORGANIZATION_OWNER'],
      ['DEPLOYMENT_ACCESSOR', 'DEPLOYMENT_ADMIN', 'WORKSPACE_OWNER'],
      ['DAG_VIEWER', 'DAG_AUTHOR', 'DEPLOYMENT_ADMIN'],
    ] as const) {
      chain.slice(1).forEach((wider, index) => {
        const narrower = chain[index] ?? wider;
        expect(given(narrower).isSubsetOf(given(wider)), `${narrower} in ${wider}`).toBe(true);
      });
    }
  });

  test('no role holds a right wider than its own level', () => {
    const widest = { ORGANIZATION: 0, WORKSPACE: 1, DEPLOYMENT: 2, DAG: 3 } as const;
    const width = { organization: 0, workspace: 1, deployment: 2, dag: 3 } as const;
    for (const role of roles) {
      for (const permission of role.permissions) expect(width[levelOf(permission)]).toBeGreaterThanOrEqual(widest[role.scope]);
    }
  });

  test('Dag roles give nothing that is not tied to the Dag itself', () => {
    for (const right of ['dag.airflow.datasets.get', 'dag.airflow.auditLog.get'] as const)
      expect(given('DAG_AUTHOR').has(right)).toBe(false);
  });
});

function variantsOf(name: string): readonly string[] {
  const swapped = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  return [
    swapped,
    ` ${name}`,
    `${name} `,
    `${name}\n`,
    `${name}\u0000`,
    `${name}\u200b`,
    `\ufeff${name}`,
    name.replace('_', '-'),
    name.replace('_', ' '),
    name.replace('.', '\u2024'),
    name.replace('A', '\u0391'),
    name.replace('a', '\u0430'),
    name.replace('O', '\uff2f'),
    name.replace('o', '\u043e'),
    name.slice(0, -1),
    `${name}S`,
  ].filter((variant) => variant !== name);
}
