import { catalogue, isPermission, type Permission } from './catalogue.ts';

/** Finer rights that came later and ride on the coarse one they were cut from. */
const coarse: { readonly [P in Permission]?: readonly Permission[] } = {
  'deployment.update': ['deployment.variables.get', 'deployment.variables.update'],
  'deployment.deploys.create': ['deployment.deploys.dags.create', 'deployment.deploys.image.create'],
};

const implied: ReadonlyMap<Permission, readonly Permission[]> = new Map(
  catalogue.map(({ permission }) => [permission, [...(coarse[permission] ?? []), ...onEveryDag(permission)]]),
);

/**
 * The rights and all they imply: a coarse right its finer ones, `deployment.airflow.X` the same on every Dag.
 * What is not in the catalogue is dropped.
 */
export function expand(permissions: Iterable<Permission>): ReadonlySet<Permission> {
  const expanded = new Set<Permission>();
  const open = [...permissions];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!isPermission(next) || expanded.has(next)) continue;
    expanded.add(next);
    open.push(...(implied.get(next) ?? []));
  }
  return expanded;
}

function onEveryDag(permission: Permission): readonly Permission[] {
  const onDag = permission.replace(/^deployment\.airflow\./, 'dag.airflow.');
  return onDag !== permission && isPermission(onDag) ? [onDag] : [];
}
