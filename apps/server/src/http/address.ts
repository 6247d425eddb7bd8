import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Whether the connection comes from this machine. One that is gone already comes from nowhere. */
export const isLoopback = (request: FastifyRequest): boolean => /^(127\.|::1$|::ffff:127\.)/.test(request.socket.remoteAddress ?? '');

/**
 * Where the caller is: as the trusted proxy says, otherwise the other end of the connection. What a proxy says is text of a
 * header and ends in records and logs, so it has to be an address (U-06, A-13).
 */
export const addressOf = (request: FastifyRequest): string => (isIP(request.ip) === 0 ? (request.socket.remoteAddress ?? '') : request.ip);
