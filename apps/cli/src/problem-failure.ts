/** What the server refused, in the words of its problem table, with what to do about it. */
import { type ProblemCode, problems } from '@astrolabe/contract/problems';
import { isObject } from './credential.ts';
import { CliError } from './exit.ts';

/** First remedy of each problem page; `build.ts` takes them out of `docs/reference/problems/`. */
declare const ASTRO_REMEDIES: Readonly<Record<string, string>> | undefined;

/** What to type next, where a command helps. */
const nextCommands: Readonly<Record<string, readonly string[]>> = {
  organization_not_found: ['To see what the token may see, run: astro organization list'],
  workspace_not_found: ['To see the workspaces there are, run: astro workspace list'],
  deployment_not_found: ['To see the Deployments there are, run: astro deployment list --all'],
  token_not_found: ['To see the tokens of a Deployment, run: astro deployment token list --deployment-id=<id>'],
  invalid_token: ['Set ASTRO_API_TOKEN to a token that lives. Where the data of the server is, astrolabe owner-token makes one.'],
};

/** A refusal of the server. Commands look at `code` where they can say more than the table. */
export class ServerProblem extends CliError {
  override readonly name = 'ServerProblem';
  readonly status: number;
  readonly code: string | undefined;

  constructor(message: string, next: string, status: number, code: string | undefined) {
    super(message, next);
    this.status = status;
    this.code = code;
  }
}

/** The first line is the server's own `message`, as existing scripts expect it. */
export function problemFailure(
  address: string,
  status: number,
  body: Record<string, unknown> | undefined,
  retryAfter: string | undefined,
): ServerProblem {
  const message = text(body?.message) ?? text(body?.detail) ?? text(body?.title);
  if (message === undefined) {
    const next = `${address} did not answer like an Astrolabe server. Check the address: --api-url, ASTRO_API_URL.`;
    return new ServerProblem(`failed to perform request, status ${status}`, next, status, undefined);
  }
  const code = text(body?.code);
  const title = isKnown(code) ? problems[code].title : text(body?.title);
  const lines = [
    ...fieldLines(body?.fieldErrors),
    ...(title !== undefined && title !== message ? [`${title}.`] : []),
    ...(retryAfter === undefined ? [] : [`Wait ${retryAfter} s before the next try.`]),
    ...remedyLines(code),
    `Request ${text(body?.requestId) ?? 'without id'}, status ${status}${code ? `, ${code}` : ''}.`,
    ...(code === undefined ? [] : (nextCommands[code] ?? [])),
  ];
  return new ServerProblem(message, lines.join('\n'), status, code);
}

function fieldLines(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  const entries: unknown[] = errors;
  return entries.filter(isObject).map((entry) => `  ${text(entry.field) ?? 'request'}: ${text(entry.message) ?? 'not valid'}`);
}

function remedyLines(code: string | undefined): string[] {
  const remedy = code === undefined || typeof ASTRO_REMEDIES === 'undefined' ? undefined : ASTRO_REMEDIES[code];
  return remedy === undefined ? [] : [remedy];
}

function isKnown(code: string | undefined): code is ProblemCode {
  return code !== undefined && Object.hasOwn(problems, code);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
