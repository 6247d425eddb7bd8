/** The control plane as commands see it: one method for each call, already signed in. */
import type {
  ApiToken,
  ApiTokenRole,
  CreateDeployment,
  CreateToken,
  CreateWorkspace,
  Deployment,
  IssuedAgentToken,
  IssuedToken,
  Organization,
  SetGateway,
  Workspace,
} from '@astrolabe/contract';
import { type Credential, isObject } from './credential.ts';
import { CliError } from './exit.ts';
import { type HttpAnswer, type HttpCall, send } from './http.ts';
import { version } from './installation.ts';
import { problemFailure } from './problem-failure.ts';

export interface Api {
  /** Base address, without a slash at the end. */
  readonly address: string;
  readonly organizationId: string;
  /** Absent when the credential belongs to an organization. */
  readonly workspaceId: string | undefined;
  listTokens(filter: TokenFilter): Promise<ApiToken[]>;
  getToken(tokenId: string): Promise<ApiToken>;
  createToken(input: NewToken): Promise<IssuedToken>;
  updateToken(tokenId: string, input: { readonly name: string; readonly description: string }): Promise<ApiToken>;
  rotateToken(tokenId: string): Promise<IssuedToken>;
  /** Replaces the whole list. */
  replaceRoles(tokenId: string, roles: readonly ApiTokenRole[]): Promise<void>;
  deleteToken(tokenId: string): Promise<void>;
  listOrganizations(): Promise<Organization[]>;
  listWorkspaces(): Promise<Workspace[]>;
  createWorkspace(input: CreateWorkspace): Promise<Workspace>;
  listDeployments(filter: { readonly workspaceIds?: string }): Promise<Deployment[]>;
  getDeployment(deploymentId: string): Promise<Deployment>;
  createDeployment(input: CreateDeployment): Promise<Deployment>;
  deleteDeployment(deploymentId: string): Promise<void>;
  createAgentToken(deploymentId: string, input: { readonly name: string; readonly description: string }): Promise<IssuedAgentToken>;
  deleteAgentToken(deploymentId: string, tokenId: string): Promise<void>;
  setGateway(deploymentId: string, input: SetGateway): Promise<void>;
}

/** Body of create; the server fills in the kind. */
export type NewToken = Omit<CreateToken, 'kind'> & Partial<Pick<CreateToken, 'kind'>>;

/** Narrowing by home scope is not here: the server has no such filter. */
interface TokenFilter {
  readonly deploymentId?: string;
  readonly includeOnlyOrganizationTokens?: 'true';
}

const timeoutMs = 30_000;

export function createApi(address: string, credential: Credential): Api {
  const call = caller(address, credential);
  const organization = `/organizations/${segment(credential.organizationId)}`;
  const tokens = `${organization}/tokens`;
  const deployments = `${organization}/deployments`;
  const agentTokens = (deploymentId: string): string => `${deployments}/${segment(deploymentId)}/agent-tokens`;
  return {
    address,
    organizationId: credential.organizationId,
    workspaceId: credential.workspaceId,
    listTokens: (filter) => pages<ApiToken>(call, tokens, 'tokens', 100, { ...filter }),
    getToken: (id) => call<ApiToken>('GET', `${tokens}/${segment(id)}`),
    createToken: async (input) => withValue(await call<IssuedToken>('POST', tokens, input)),
    updateToken: (id, input) => call<ApiToken>('POST', `${tokens}/${segment(id)}`, input),
    rotateToken: async (id) => withValue(await call<IssuedToken>('POST', `${tokens}/${segment(id)}/rotate`)),
    replaceRoles: (id, roles) => call<void>('POST', `${tokens}/${segment(id)}/roles`, { roles }),
    deleteToken: (id) => call<void>('DELETE', `${tokens}/${segment(id)}`),
    listOrganizations: () => pages<Organization>(call, '/organizations', 'organizations', 100, {}),
    listWorkspaces: () => pages<Workspace>(call, `${organization}/workspaces`, 'workspaces', 1000, { sorts: 'name:asc' }),
    createWorkspace: (input) => call<Workspace>('POST', `${organization}/workspaces`, input),
    listDeployments: (filter) => pages<Deployment>(call, deployments, 'deployments', 1000, { ...filter }),
    getDeployment: (id) => call<Deployment>('GET', `${deployments}/${segment(id)}`),
    createDeployment: (input) => call<Deployment>('POST', deployments, input),
    deleteDeployment: (id) => call<void>('DELETE', `${deployments}/${segment(id)}`),
    createAgentToken: async (id, input) => withValue(await call<IssuedAgentToken>('POST', agentTokens(id), input)),
    deleteAgentToken: (id, tokenId) => call<void>('DELETE', `${agentTokens(id)}/${segment(tokenId)}`),
    setGateway: (id, input) => call<void>('POST', `${deployments}/${segment(id)}/gateway`, input),
  };
}

/** `Answer` is what the contract says the server answers; every body is checked to be a JSON object and no more. */
type Call = <Answer>(method: HttpCall['method'], path: string, body?: unknown) => Promise<Answer>;

function caller(address: string, credential: Credential): Call {
  const headers = {
    authorization: `Bearer ${credential.value}`,
    'user-agent': `astrolabe-cli/${version}`,
    'x-astro-client-identifier': 'cli',
    'x-astro-client-version': version,
    'x-client-os-identifier': `${process.platform}-${process.arch}`,
  };
  return async <Answer>(method: HttpCall['method'], path: string, body?: unknown) => {
    const answer = await send({
      method,
      url: `${address}/v1${path}`,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      timeoutMs,
    });
    // The one cast at the edge: the bundle carries no schema, because loading one costs more than the call.
    return readAnswer(address, answer) as Answer;
  };
}

function readAnswer(address: string, answer: HttpAnswer): Record<string, unknown> | undefined {
  if (answer.status === 204) return undefined;
  const body = parseObject(answer.text);
  if (answer.status === 200 && (body || answer.text === '')) return body;
  if (answer.status >= 300 && answer.status < 400) {
    throw new CliError(
      `${address} answered with a redirect to ${answer.headers.location ?? 'nowhere'}, and a token is not sent there`,
      'If that is the right server, name it with --api-url or ASTRO_API_URL.',
    );
  }
  throw problemFailure(address, answer.status, body, answer.headers['retry-after']);
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Pages until the count is reached or a page is empty, so that no answer makes it run for ever. */
async function pages<Row>(call: Call, path: string, key: string, limit: number, filter: Record<string, string>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const query = new URLSearchParams({ ...filter, limit: String(limit), offset: String(rows.length) });
    const page = await call<Record<string, unknown>>('GET', `${path}?${query}`);
    const found = page?.[key];
    if (!Array.isArray(found))
      throw new CliError(`the answer of the server holds no ${key}`, 'Is the address that of an Astrolabe server?');
    rows.push(...(found as Row[])); // same edge as above
    if (found.length === 0 || rows.length >= Number(page.totalCount ?? 0)) return rows;
  }
}

function withValue<Issued extends IssuedToken | IssuedAgentToken>(issued: Issued | undefined): Issued {
  if (typeof issued?.token === 'string' && issued.token !== '') return issued;
  throw new CliError(
    'the answer of the server holds no token value',
    `The token ${issued?.id ?? ''} exists. Rotate it to get a value, or delete it.`,
  );
}

/** An id is one path segment, whatever it holds; two names of a path would be swallowed by it. */
function segment(id: string): string {
  if (id !== '' && id !== '.' && id !== '..') return encodeURIComponent(id);
  throw new CliError(`"${id}" is not an id`, 'Ids are 25 characters and begin with c; the list commands show them.');
}
