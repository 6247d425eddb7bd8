import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemBody } from '@astrolabe/contract/problems';

/**
 * Where one request ends and the next begins (H-05). After a request of which that is not clear, or which could not be
 * read, nothing more is taken from its connection: what looks like the next one may be a part of this one.
 */
export class Connections {
  readonly #latest = new WeakMap<Duplex, ServerResponse>();

  /** Has to hear of every request first. False: it comes after the last one of its connection, and gets no answer. */
  begin(response: ServerResponse): boolean {
    const { req: request } = response;
    const isTooLate = this.#latest.get(request.socket)?.shouldKeepAlive === false;
    // answers leave in order, so that the latest one tells about all
    this.#latest.set(request.socket, response);
    if (isTooLate || isUnclear(request)) response.shouldKeepAlive = false;
    return !isTooLate;
  }

  /**
   * Answers with a problem and ends the connection; listener of `clientError`. Says nothing where an answer or a request is
   * under way: it would be taken for a part of that, or for the answer to whatever comes next.
   */
  readonly refuseUnreadable = (error: Error & { readonly code?: string }, socket: Duplex): void => {
    const latest = this.#latest.get(socket);
    const isBetweenRequests = latest === undefined || (latest.writableFinished && latest.req.complete);
    if (!socket.writable || error.code === 'ECONNRESET' || latest?.writableEnded === false) socket.destroy();
    else if (isBetweenRequests) socket.end(problem(error.code));
    else socket.end();
  };
}

function isUnclear({ headers, httpVersion }: IncomingMessage): boolean {
  if (headers.upgrade !== undefined) return true; // Node drops what came in the same packet
  const coding = headers['transfer-encoding'];
  return coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0');
}

function problem(code: string | undefined): string {
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[code ?? ''] ?? 400;
  const body = JSON.stringify({ ...problemBody('header_refused', { requestId: randomUUID() }), status, statusCode: status });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'connection: close', 'content-type: application/problem+json'];
  return `${[...head, `content-length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}
