/** The only translator from what went wrong to what the caller reads. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type FieldError, type ProblemCode, problemBody, problems } from '@astrolabe/contract/problems';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { Problem } from '../problem.ts';
import type { App } from '../routing.ts';
import { StoreUnavailable, WriteConflict } from '../store/write.ts';
import { collectMethods } from './methods.ts';

/** Every error, thrown or made by the framework, leaves as one body; what is not a Problem leaves without detail. */
export function registerProblems(app: App): void {
  const methodsOf = collectMethods(app);
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error);
    if (problems[problem.code].status >= 500) request.log.error({ err: problem.cause ?? problem, code: problem.code }, 'request failed');
    sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) return sendProblem(request, reply, new Problem('not_found'));
    reply.header('allow', methods.join(', '));
    sendProblem(request, reply, new Problem('method_not_allowed'));
  });
}

/** What the framework refuses before there is a route: its own message would repeat the URL. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  sendProblem(request, reply, problem);
  // no hook runs for these, the request log's neither
  request.log.info({ method: request.method, route: 'unknown', status: problems[problem.code].status, address: request.ip }, 'request');
}

/** What Node refuses before there is a request: broken framing, too large or too slow headers (H-05, F-04). */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const body = JSON.stringify(problemBody('invalid_request', { requestId: randomUUID(), detail: 'The request could not be read.' }));
    const head = `content-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
    socket.write(`HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`);
  }
  socket.destroySoon();
}

/** Answers with the body of a problem; 401 and 403 say how to sign in (RFC 6750 §3). */
function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  const challenge = challengeOf(problem.code);
  if (challenge) reply.header('www-authenticate', challenge);
  reply
    .code(problems[problem.code].status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .serializer((body: unknown) => JSON.stringify(body)) // a route's response schema does not describe errors
    .send(
      problemBody(problem.code, {
        requestId: request.id,
        ...(problem.detail === undefined ? {} : { detail: problem.detail }),
        ...(problem.fieldErrors === undefined ? {} : { fieldErrors: problem.fieldErrors }),
      }),
    );
}

function challengeOf(code: ProblemCode): string | undefined {
  if (code === 'credential_missing') return 'Bearer realm="astrolabe"';
  if (code === 'invalid_token') return 'Bearer realm="astrolabe", error="invalid_token"';
  if (code === 'permission_denied') return 'Bearer realm="astrolabe", error="insufficient_scope"';
  return undefined;
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreUnavailable) return new Problem('store_unavailable', undefined, { cause: error });
  if (error instanceof WriteConflict) return new Problem('write_conflict', undefined, { cause: error });
  if (hasZodFastifySchemaValidationErrors(error)) return invalidRequest(error.validation);
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
      return new Problem('invalid_request', 'The request could not be read.');
    default:
      return new Problem('internal', undefined, { cause: error });
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function invalidRequest(issues: readonly { instancePath: string; keyword: string; message?: string; params: unknown }[]): Problem {
  const fieldErrors: FieldError[] = issues.flatMap((issue) => {
    const path = issue.instancePath.split('/').filter(Boolean).join('.');
    const unknown = unknownKeysOf(issue.params);
    if (unknown.length === 0) return [{ code: issue.keyword, field: path, message: issue.message ?? 'is not valid' }];
    return unknown.map((key) => ({
      code: 'unknown_field',
      field: path ? `${path}.${key}` : key,
      message: 'is not a field of this request',
    }));
  });
  const detail = fieldErrors.map((e) => (e.field ? `${e.field}: ${e.message}` : e.message)).join('; ');
  return new Problem('invalid_request', detail, { fieldErrors });
}

function unknownKeysOf(params: unknown): string[] {
  if (typeof params !== 'object' || params === null || !('keys' in params) || !Array.isArray(params.keys)) return [];
  return params.keys.map(String);
}
