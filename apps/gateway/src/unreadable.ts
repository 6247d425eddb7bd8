import { randomUUID } from 'node:crypto';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemBody } from '@astrolabe/contract/problems';

/** What Node could not read as a request: too large a head, too slow a one, or not HTTP. */
export class Unreadable {
  readonly #latest = new WeakMap<Duplex, ServerResponse>();

  /** Has to hear of every answer that is begun: answers leave in order, so that the latest one tells about all. */
  begin(response: ServerResponse): void {
    this.#latest.set(response.req.socket, response);
  }

  /**
   * Answers with a problem and ends the connection; listener of `clientError`. Says nothing where an answer or a request is
   * under way: it would be taken for a part of that, or for the answer to whatever comes next.
   */
  readonly refuse = (error: Error & { readonly code?: string }, socket: Duplex): void => {
    const latest = this.#latest.get(socket);
    const isBetweenRequests = latest === undefined || (latest.writableFinished && latest.req.complete);
    if (!socket.writable || error.code === 'ECONNRESET' || latest?.writableEnded === false) socket.destroy();
    else if (isBetweenRequests) socket.end(problem(error.code));
    else socket.end();
  };
}

function problem(code: string | undefined): string {
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[code ?? ''] ?? 400;
  const body = JSON.stringify({ ...problemBody('header_refused', { requestId: randomUUID() }), status, statusCode: status });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'connection: close', 'content-type: application/problem+json'];
  return `${[...head, `content-length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`;
}
