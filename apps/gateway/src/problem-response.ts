import type { ServerResponse } from 'node:http';
import { type ProblemCode, problemBody, problems } from '@astrolabe/contract/problems';

/** How long what is left of a refused body is read and thrown away, so that its sender gets to read the answer. */
const lingerMs = 2_000;

/**
 * Answers with one problem, RFC 9457, and reads no more of the request than needed.
 *
 * @param more `detail` is public; `headers` are added to ours, e.g. `allow` or `www-authenticate`
 */
export function sendProblem(
  response: ServerResponse,
  code: ProblemCode,
  more: {
    readonly requestId: string;
    readonly detail?: string | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
  },
): void {
  const { requestId, headers } = more;
  const detail = more.detail ?? problems[code].title; // Airflow's clients show `detail` and nothing else
  const body = Buffer.from(JSON.stringify(problemBody(code, { requestId, detail })));
  if (isLast(response, code)) response.shouldKeepAlive = false;
  response.writeHead(problems[code].status, {
    ...headers,
    'content-type': 'application/problem+json',
    'content-length': String(body.length),
    'cache-control': 'no-store',
    'x-request-id': requestId,
  });
  response.end(body);
  if (!response.req.complete) linger(response);
}

/** Whether nothing can follow on this connection: its sender is gone, or where the request ends is not clear (RFC 9112 §6.3). */
function isLast({ req: request }: ServerResponse, code: ProblemCode): boolean {
  return code === 'header_refused' || (request.destroyed && !request.complete);
}

/** Node reads a body to its end before it reuses a connection. A slow or endless one must not hold it for long. */
function linger({ req: request, socket }: ServerResponse): void {
  const timer = setTimeout(() => socket?.destroy(), lingerMs);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
