import type { ServerResponse } from 'node:http';
import { type ProblemCode, problems } from '@astrolabe/contract/problems';
import { sendProblem } from './problem-response.ts';

/** What a refusal says beside its code. */
export interface RefusalText {
  readonly detail?: string;
  /** Rights that were missing, for `WWW-Authenticate`. */
  readonly scope?: string;
  readonly allow?: readonly string[];
}

/** How long a caller should leave us alone when time alone may help. */
const retryAfterSeconds = '5';

/** Answers a request that was refused. `detail` is always there: it is what Airflow's clients show. */
export function sendRefusal(response: ServerResponse, code: ProblemCode, requestId: string, text: RefusalText = {}): void {
  const { status, title } = problems[code];
  const headers: Record<string, string> = {};
  const challenge = challengeOf(code, text.scope);
  if (challenge !== undefined) headers['www-authenticate'] = challenge;
  if (text.allow !== undefined) headers.allow = text.allow.join(', ');
  if (status === 503) headers['retry-after'] = retryAfterSeconds;
  sendProblem(response, code, { requestId, detail: text.detail ?? title, headers });
}

/** Answers with a text of our own; caches on the way keep nothing of it. */
export function sendText(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, { 'cache-control': 'no-store', 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, 'application/json', JSON.stringify(body));
}

/** RFC 6750 §3: no error where no credential was sent, `invalid_token` with a 401, `insufficient_scope` where a right is missing. */
function challengeOf(code: ProblemCode, scope: string | undefined): string | undefined {
  const realm = 'Bearer realm="astrolabe"';
  if (code === 'credential_missing') return realm;
  if (problems[code].status === 401) return `${realm}, error="invalid_token"`;
  if (code === 'permission_denied') return `${realm}, error="insufficient_scope"${scope === undefined ? '' : `, scope="${scope}"`}`;
  return problems[code].status === 403 ? `${realm}, error="invalid_request"` : undefined;
}
