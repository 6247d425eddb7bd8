/**
 * Which headers pass, in both directions.
 *
 * Towards Airflow it is a list of what passes, not of what is dropped: nobody can list every header that some server in
 * between reads as an identity (H-03). The caller's `Authorization` and cookies are never on it (H-04).
 */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { parseTarget, type Refusal } from './airflow-target.ts';

const passedToAirflow: ReadonlySet<string> = new Set([
  ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'cache-control', 'pragma', 'prefer', 'range', 'user-agent'],
  ...['content-type', 'content-encoding', 'content-language'],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...['traceparent', 'tracestate'],
]);
/** Two of these could be understood differently by us and by Airflow. */
const singleOnly: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'transfer-encoding',
  'host',
  'content-type',
  'content-encoding',
]);
const bodiless: ReadonlySet<string> = new Set(['GET', 'DELETE']);

/** What is ours to say, whatever the caller sent. */
export interface OwnHeaders {
  readonly requestId: string;
  /** For Airflow; absent when it wants none. */
  readonly authorization?: string | undefined;
}

export interface UpstreamHead {
  /** Name and value by turns. `Host` is not among them: the connection knows where it leads. */
  readonly headers: string[];
  /** Absent without a body, and with one whose length is not told beforehand. */
  readonly contentLength?: number;
  readonly hasBody: boolean;
}

/** Builds the head for Airflow, or says why the request is not framed clearly enough to be forwarded (H-05). */
export function buildUpstreamHead(request: IncomingMessage, own: OwnHeaders): UpstreamHead | Refusal {
  const { rawHeaders } = request;
  const singles = new Map<string, string>();
  const headers: string[] = [];
  const hopByHop = namesIn(request.headers.connection);
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    if (singleOnly.has(name)) {
      if (singles.has(name)) return { refused: `The request has more than one ${name} header.` };
      singles.set(name, value);
    }
    if (passedToAirflow.has(name) && !hopByHop?.includes(name)) headers.push(name, value);
  }
  const framing = readFraming(request, singles);
  if ('refused' in framing) return framing;
  if (framing.contentLength !== undefined) headers.push('content-length', String(framing.contentLength));
  addOwn(headers, request, own);
  return { headers, ...framing };
}

function readFraming(
  { method = '', httpVersion }: Pick<IncomingMessage, 'method' | 'httpVersion'>,
  singles: ReadonlyMap<string, string>,
): Pick<UpstreamHead, 'contentLength' | 'hasBody'> | Refusal {
  const length = singles.get('content-length');
  const coding = singles.get('transfer-encoding');
  if (length === undefined && coding === undefined) return { hasBody: false };
  if (length !== undefined && coding !== undefined) return { refused: 'The request has a content-length and a transfer-encoding header.' };
  // whoever speaks HTTP/1.0 does not know it, and may see the end of the request elsewhere (RFC 9112 §6.1)
  if (coding !== undefined && httpVersion === '1.0') return { refused: 'A transfer-encoding header needs HTTP/1.1.' };
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return { refused: 'The only transfer-encoding that is accepted is chunked.' };
  if (length !== undefined && !/^[0-9]{1,15}$/.test(length)) return { refused: 'The content-length header is not a whole number.' };
  const contentLength = length === undefined ? undefined : Number(length);
  if (contentLength === 0) return { hasBody: false };
  // Airflow reads some of them, and what nobody judged must not decide anything there
  if (bodiless.has(method)) return { refused: `A ${method} request must not have a body.` };
  return contentLength === undefined ? { hasBody: true } : { hasBody: true, contentLength };
}

function addOwn(headers: string[], request: IncomingMessage, own: OwnHeaders): void {
  const { remoteAddress } = request.socket;
  if (own.authorization !== undefined) headers.push('authorization', own.authorization);
  headers.push('x-request-id', own.requestId);
  if (remoteAddress !== undefined) headers.push('x-forwarded-for', remoteAddress);
  headers.push('x-forwarded-proto', request.socket instanceof TLSSocket ? 'https' : 'http');
  const { host } = request.headers;
  if (host !== undefined && /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/.test(host))
    headers.push('x-forwarded-host', host);
}

/** Dropped from Airflow's answer: what belongs to one connection, what would name or sign in to another server, what we say ourselves. */
const droppedFromAirflow: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['set-cookie', 'set-cookie2', 'clear-site-data', 'www-authenticate', 'authentication-info'],
  ...['proxy-authenticate', 'proxy-authentication-info', 'alt-svc', 'refresh', 'content-location'],
  ...['server', 'via', 'x-powered-by', 'x-request-id'],
]);

/** Where Airflow's own addresses begin. */
export interface AirflowAddress {
  /** `http://airflow.internal:8080` */
  readonly origin: string;
  /** Path before `/api/v2`, without a slash at its end; mostly empty. */
  readonly prefix: string;
}

/** Builds the head of the answer, names and values by turns. `Location` becomes a path, so that it leads to the gateway. */
export function buildAnswerHeaders(
  upstream: Readonly<Record<string, string | string[] | undefined>>,
  airflow: AirflowAddress,
  requestId: string,
): string[] {
  const headers: string[] = [];
  const hopByHop = namesIn(upstream.connection);
  for (const name of Object.keys(upstream)) {
    const value = upstream[name];
    if (value === undefined || droppedFromAirflow.has(name) || hopByHop?.includes(name)) continue;
    if (name === 'location') {
      const path = typeof value === 'string' ? pathOfLocation(value, airflow) : undefined;
      if (path !== undefined) headers.push(name, path);
    } else if (typeof value === 'string') headers.push(name, value);
    else for (const each of value) headers.push(name, each);
  }
  headers.push('x-request-id', requestId);
  return headers;
}

/** The path under the gateway, when the location is in Airflow's public API; a path alone leads back to where the caller came in. */
function pathOfLocation(location: string, { origin, prefix }: AirflowAddress): string | undefined {
  const path = location.startsWith(`${origin}/`) ? location.slice(origin.length) : location;
  if (!path.startsWith(`${prefix}/api/v2/`)) return undefined;
  const own = path.slice(prefix.length);
  return 'refused' in parseTarget(own) ? undefined : own;
}

/** Names in a `Connection` header, when it says more than how long the connection lives. */
function namesIn(connection: string | readonly string[] | undefined): readonly string[] | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return String(connection)
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}
