/** What token commands of every scope show: the table, and a value that is seen once. */
import type { ApiToken, IssuedToken, TokenScope } from '@astrolabe/contract';
import type { Io } from './io.ts';
import { type Column, printJson } from './table.ts';
import { age, oneLine } from './text.ts';

const words = { ORGANIZATION: 'Organization', WORKSPACE: 'Workspace', DEPLOYMENT: 'Deployment' } as const;

export interface ValueFlags {
  readonly cleanOutput?: boolean;
  readonly json?: boolean;
}

/** `ID, NAME, …, CREATED BY` of `reference/cli.md` 5.1; the role shown is the one on this entity. */
export function tokenColumns(scope: TokenScope, entityId: string, nowMs: number): Column<ApiToken>[] {
  return [
    { header: 'ID', text: (token) => token.id },
    { header: 'NAME', text: (token) => token.name },
    { header: 'DESCRIPTION', text: (token) => token.description },
    { header: 'SCOPE', text: (token) => token.scope },
    { header: `${scope} ROLE`, text: (token) => roleOn(token, scope, entityId) ?? '' },
    { header: 'CREATED', text: (token) => age(token.createdAt, nowMs), exact: (token) => token.createdAt },
    { header: 'CREATED BY', text: ({ createdBy }) => createdBy?.fullName ?? createdBy?.apiTokenName ?? '' },
  ];
}

export function roleOn(token: ApiToken, entityType: TokenScope, entityId: string): string | undefined {
  return token.roles.find((role) => role.entityType === entityType && role.entityId === entityId)?.role;
}

/** A list holds no value; should an answer ever hold one, it is not passed on. */
export function withoutValue(token: ApiToken): Record<string, unknown> {
  const { token: _value, ...rest } = { token: undefined, ...token };
  return rest;
}

/** The value once: bare for scripts, as JSON, or with the sentences that people and existing scripts know. */
export function printIssued(io: Io, scope: TokenScope, done: 'created' | 'rotated', issued: IssuedToken, flags: ValueFlags): void {
  const lines = [
    '',
    `Astro ${words[scope]} API token ${oneLine(issued.name)} was successfully ${done}`,
    'Copy and paste this API token for your records.',
    '',
    issued.token,
    '',
    'You will not be shown this API token value again.',
  ];
  if (flags.json) printJson(io, issued);
  else io.print(flags.cleanOutput ? issued.token : lines.join('\n'));
}
