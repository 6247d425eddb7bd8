/**
 * One HTTP call to the control plane. `node:http` and `node:https` alone, because `fetch` doubles the time a command takes
 * to start. No redirect is followed: the token belongs to the host that was named.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { CliError } from './exit.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string | undefined;
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

const maxAnswerBytes = 64 * 1024 * 1024;

/** @throws CliError when no answer came: the server is down, too slow, or its answer broke off */
export async function send(call: HttpCall): Promise<HttpAnswer> {
  const url = new URL(call.url);
  try {
    return await exchange(url, call);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(
      `Cannot reach the Astrolabe server at ${url.origin}: ${explain(error)}.`,
      'Is it running? Start it with npm start, or name another with --api-url or ASTRO_API_URL.',
      { cause: error },
    );
  }
}

function exchange(url: URL, call: HttpCall): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = open(url, {
      // The server listens on 127.0.0.1. What listens on ::1 may be somebody else, who must not get the token.
      host: url.hostname === 'localhost' ? '127.0.0.1' : url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      method: call.method,
      path: url.pathname + url.search,
      headers: {
        ...call.headers,
        host: url.host,
        ...(call.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(call.body)) }),
      },
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${call.timeoutMs / 1000} s`)), call.timeoutMs);
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      finish();
    };
    request.on('error', (error) => settle(() => reject(error)));
    request.on('response', (response) => {
      collect(response).then(
        (text) => settle(() => resolve({ status: response.statusCode ?? 0, headers: response.headers, text })),
        (error: unknown) => {
          request.destroy();
          settle(() => reject(error));
        },
      );
    });
    request.end(call.body);
  });
}

/** `node:https` takes ten times as long to load as `node:http`, so it is loaded for https only. */
function open(url: URL, options: RequestOptions): ClientRequest {
  // A server name is for TLS; working one out would compile the regular expression for IPv6, at some milliseconds.
  if (url.protocol === 'http:') return httpRequest(Object.assign(options, { servername: '' }));
  const https = process.getBuiltinModule('node:https');
  return https.request({ ...options, agent: new https.Agent({ proxyEnv: process.env }) });
}

function collect(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) reject(new Error('the answer is larger than 64 MiB'));
      else chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name cannot be looked up',
  ETIMEDOUT: 'no answer to the connection',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
};

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = reasons[code];
  if (known) return `${known} (${code})`;
  return error.message || code || 'no reason given';
}
