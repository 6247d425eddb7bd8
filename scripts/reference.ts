/**
 * Pages of `docs/reference/` that follow from the code: settings, what each built-in role gives, and the routes a gateway forwards.
 * `node scripts/reference.ts --write` brings them up to date; without the flag it says whether they are.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { airflowRoutes } from '@astrolabe/gateway/src/airflow-table.ts';
import { GatewayConfig } from '@astrolabe/gateway/src/config.ts';
import { builtInRoles, catalogue, type RoleDefinition, tokenPermissionsOf } from '@astrolabe/policy';
import { ServerConfig } from '@astrolabe/server/src/config.ts';
import { z } from 'zod';

const note = '<!-- Made by `npm run reference` from the code; changes belong there. -->\n';
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const pages = { 'configuration.md': configuration(), 'roles.md': roles(), 'airflow-routes.md': routes() };
for (const [name, text] of Object.entries(pages)) {
  const file = resolve(import.meta.dirname, '../docs/reference', name);
  if (process.argv.includes('--write')) writeFileSync(file, text);
  else if (!isSame(file, text)) {
    console.error(`docs/reference/${name} is not what the code says: run \`npm run reference\`.`);
    process.exitCode = 1;
  }
}

function isSame(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8') === text;
  } catch {
    return false;
  }
}

function configuration(): string {
  const shared = [
    row('`ASTROLABE_DATA`', '`data`', 'Folder for everything that is kept; readable by its owner alone.'),
    row(
      '`ASTROLABE_KEYS`',
      '`keys` in the data folder',
      'Folder of the master key. Server only. Leave it out of backups of the data folder.',
    ),
    row('`ASTROLABE_MASTER_KEY`', '', 'The master key itself, 32 bytes in base64, instead of a file. Server only.'),
  ];
  return [
    `# Settings\n\n${note}`,
    'All settings are environment variables. A name that is not known under a program’s own prefix stops its start, and so does a value that does not fit.\n',
    `## Shared\n\n${row('variable', 'default', 'meaning')}\n|---|---|---|\n${shared.join('\n')}\n`,
    `## Server\n\n${settings('ASTROLABE_SERVER_', ServerConfig)}`,
    `## Gateway\n\n${settings('ASTROLABE_GATEWAY_', GatewayConfig)}`,
  ].join('\n');
}

function settings(prefix: string, schema: z.ZodObject): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const defaults: Record<string, unknown> = schema.parse({});
  const rows = Object.entries(properties).map(([field, setting]) => {
    const description = (typeof setting === 'object' && setting.description) || '';
    const name = prefix + field.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    return row(`\`${name}\``, defaults[field] === undefined ? '' : `\`${String(defaults[field])}\``, description);
  });
  return `${row('variable', 'default', 'meaning')}\n|---|---|---|\n${rows.join('\n')}\n`;
}

function roles(): string {
  const all: readonly RoleDefinition[] = Object.values(builtInRoles);
  const head = row('permission', 'meaning', ...all.map(({ name }) => `<sub>${name.replaceAll('_', ' ')}</sub>`));
  const sets = all.map((role) => ({ person: new Set(role.permissions), token: new Set(tokenPermissionsOf(role)) }));
  const rows = catalogue.map(({ permission, description }) =>
    row(`\`${permission}\``, description, ...sets.map((set) => (set.token.has(permission) ? '●' : set.person.has(permission) ? '○' : ''))),
  );
  const about = all.map((role) => row(`\`${role.name}\``, role.scope.toLowerCase(), role.description));
  return [
    `# Built-in roles\n\n${note}`,
    `${row('role', 'given on', 'meaning')}\n|---|---|---|\n${about.join('\n')}\n`,
    '## What each of them gives\n',
    '● to people and tokens, ○ to people only: a token does not manage tokens unless a person said so. A right on a Deployment gives the same right on each of its Dags; roles add up and nothing takes away.\n',
    `${head}\n|---|---|${all.map(() => '---|').join('')}\n${rows.join('\n')}\n`,
  ].join('\n');
}

function routes(): string {
  const rows = airflowRoutes.map((route) => {
    const isForwarded = !['B', 'L', 'X'].includes(route.handling);
    const list = (permissions: readonly string[] = []): string => permissions.map((permission) => `\`${permission}\``).join(' and ');
    return row(
      `\`${route.method} /api/v2${route.template}\``,
      isForwarded ? list(route.permissions) : 'not forwarded',
      isForwarded ? list(route.dagPermissions) : '',
      isForwarded ? (route.airflowRole ?? 'none') : '',
    );
  });
  return [
    `# Routes of Airflow 3 that a gateway forwards\n\n${note}`,
    'Everything else is refused. A token needs the right on the Deployment, or, where one is named, the right on the one Dag in the path. The last column is the role the gateway signs in to Airflow with.\n',
    `${row('route', 'right on the Deployment', 'right on the Dag', 'role in Airflow')}\n|---|---|---|---|\n${rows.join('\n')}\n`,
  ].join('\n');
}
