/** From what was typed to the one token, Deployment or workspace that is meant. */
import type { ApiToken, Deployment } from '@astrolabe/contract';
import type { Api } from './api.ts';
import type { Context } from './context.ts';
import { CliError } from './exit.ts';
import type { Io } from './io.ts';
import { type Column, tableLines } from './table.ts';
import { oneLine } from './text.ts';
import { tokenColumns } from './tokens.ts';

export interface TokenTarget {
  readonly tokenId?: string;
  readonly name?: string;
  readonly deploymentId: string;
}

/** By id one call; by name or picker the list of the Deployment, which holds assigned tokens too. The id wins over the name. */
export async function findToken({ io, now }: Context, api: Api, target: TokenTarget): Promise<ApiToken> {
  if (target.tokenId) return api.getToken(target.tokenId);
  const tokens = await api.listTokens({ deploymentId: target.deploymentId });
  const invalid = 'invalid Deployment API token selection';
  const columns = tokenColumns('DEPLOYMENT', target.deploymentId, now());
  if (!target.name) {
    if (tokens.length === 0) {
      throw new CliError(
        'the Deployment has no API token',
        `Make one: astro deployment token create --deployment-id=${target.deploymentId}`,
      );
    }
    io.note('Please select the Deployment API token:');
    return pick(io, tokens, columns, invalid, 'Name the token by its id, or with --name.');
  }
  const named = tokens.filter((token) => token.name === target.name);
  const [only] = named;
  if (!only) {
    throw new CliError(
      'no Deployment API token was found for the API token name you provided',
      `Names are compared exactly. To see them, run: astro deployment token list --deployment-id=${target.deploymentId}`,
    );
  }
  if (named.length === 1) return only;
  if (io.isInteractive) {
    io.note(`\nThere are more than one API tokens with name ${target.name}. Please select an API token:`);
    return pick(io, named, columns, invalid, 'Name the token by its id.');
  }
  const lines = named.map((token) => `  ${token.id} (home scope ${token.scope})`);
  throw new CliError(
    `there are ${named.length} API tokens with name ${target.name}`,
    ['Name one by its id, in place of --name:', ...lines].join('\n'),
  );
}

/**
 * @throws CliError when the token can be changed only elsewhere: at its home scope, or at the Deployment it was made for
 */
export function requireHome(token: ApiToken, deploymentId: string): void {
  if (token.scope !== 'DEPLOYMENT') {
    const home = token.scope === 'WORKSPACE' ? 'a workspace' : 'the organization';
    throw new CliError(
      'the token selected is not of the type you are trying to modify',
      `${oneLine(token.name)} (${token.id}) is a token of ${home} that has a role here. It can be changed only where it was made.`,
    );
  }
  const homes = token.roles.filter((role) => role.entityType === 'DEPLOYMENT').map((role) => role.entityId);
  if (homes.length === 0 || homes.includes(deploymentId)) return;
  throw new CliError(
    `${oneLine(token.name)} (${token.id}) is not a token of Deployment ${deploymentId}`,
    `Its Deployment is ${homes.join(', ')}. If that is the one you mean: --deployment-id=${homes[0]}`,
  );
}

export interface DeploymentTarget {
  readonly deploymentId?: string;
  readonly deploymentName?: string;
  readonly workspaceId?: string;
}

/** By id one call; by name, or with neither, the list of what the token may see. */
export async function findDeployment({ io }: Context, api: Api, target: DeploymentTarget): Promise<Deployment> {
  if (target.deploymentId) return api.getDeployment(target.deploymentId);
  const all = await api.listDeployments(target.workspaceId ? { workspaceIds: target.workspaceId } : {});
  const found = target.deploymentName ? all.filter((deployment) => deployment.name === target.deploymentName) : all;
  const [first] = found;
  if (!first) {
    const what = target.deploymentName ? `No Deployment with the name ${target.deploymentName} was found` : 'no Deployment was found';
    throw new CliError(what, 'To see what the token may see, run: astro deployment list --all');
  }
  if (found.length === 1) {
    if (!target.deploymentName) {
      io.note(`Only one Deployment was found. Using the following Deployment by default: ${oneLine(first.name)} (${first.id})`);
    }
    return api.getDeployment(first.id);
  }
  io.note(target.deploymentName ? `More than one Deployment with the name ${target.deploymentName} was found` : 'Select a Deployment');
  const next = `Name the Deployment by its id: ${found.map((deployment) => deployment.id).join(', ')}`;
  const columns = [
    { header: 'DEPLOYMENT NAME', text: (row: Deployment) => row.name },
    { header: 'RELEASE NAME', text: (row: Deployment) => row.namespace },
    { header: 'DEPLOYMENT ID', text: (row: Deployment) => row.id },
    { header: 'DAG DEPLOY ENABLED', text: (row: Deployment) => String(row.isDagDeployEnabled) },
  ];
  const chosen = await pick(io, found, columns, 'invalid Deployment selection', next);
  return api.getDeployment(chosen.id);
}

/** The workspace that was named, that of the token, or the only one there is. */
export async function findWorkspaceId({ io }: Context, api: Api, workspaceId: string | undefined): Promise<string> {
  if (workspaceId) return workspaceId;
  if (api.workspaceId) return api.workspaceId;
  const workspaces = await api.listWorkspaces();
  const [only] = workspaces;
  if (!only) throw new CliError('there is no workspace that the token may see', 'Make one: astro workspace create --name <name>');
  if (workspaces.length > 1) {
    const lines = workspaces.map((workspace) => `  ${workspace.id} (${oneLine(workspace.name)})`);
    throw new CliError('there is more than one workspace', ['Name one with --workspace-id:', ...lines].join('\n'));
  }
  io.note(`Only one workspace was found. Using ${oneLine(only.name)} (${only.id}).`);
  return only.id;
}

/** A numbered table and a prompt. Anything but one of the numbers is an error. */
export async function pick<Row>(
  io: Io,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  invalid: string,
  next: string,
): Promise<Row> {
  const cells = rows.map((row, index) => [String(index + 1), ...columns.map((column) => column.text(row))]);
  io.note(tableLines([['#', ...columns.map((column) => column.header)], ...cells]).join('\n'));
  const answer = await io.ask('\n> ');
  const chosen = /^\d+$/.test(answer) ? rows[Number(answer) - 1] : undefined;
  if (chosen === undefined) throw new CliError(invalid, next);
  return chosen;
}
