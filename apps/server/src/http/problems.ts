/** The only translator from what went wrong to what the caller reads. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type FieldError, type ProblemCode, problemBody, problems } from '@astrolabe/contract/problems';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { Problem } from '../problem.ts';
import type { App } from '../routing.ts';
import { isUnavailable } from '../store/dialect.ts';
import { StoreUnavailable, WriteConflict } from '../store/write.ts';
import { addressOf } from './address.ts';
import { collectMethods } from './methods.ts';

/** So many broken rules are named, and so much of an unknown name: what is sent never comes back many times as large. */
const maxFieldErrors = 100;
const maxNameLength = 100;

const unreadable = 'The request could not be read.';

/** When to try again while the database does not answer (O-02). */
const retryAfterSeconds = 1;

/** Every error, thrown or made by the framework, leaves as one body; what is not a Problem leaves without detail. */
export function registerProblems(app: App): void {
  const methodsOf = collectMethods(app);
  app.setErrorHandler((error, request, reply) => {
    const problem = isCallerGone(error, request) ? new Problem('invalid_request', unreadable) : toProblem(error);
    if (problems[problem.code].status >= 500) request.log.error({ err: problem.cause ?? problem, code: problem.code }, 'request failed');
    sendProblem(request, reply, problem);
  });
  const noSuchRoute = (request: FastifyRequest, reply: FastifyReply): Problem => {
    const methods = methodsOf(request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) return new Problem('not_found');
    reply.header('allow', methods.join(', '));
    return new Problem('method_not_allowed');
  };
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, noSuchRoute(request, reply)));
  app.addHook('preParsing', async (request, reply) => {
    if (request.is404) throw noSuchRoute(request, reply); // nobody's body is read for nothing (H-08)
  });
}

/** What the framework refuses before there is a route: its own message would repeat the URL. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  sendProblem(request, reply, problem);
  // no hook runs for these, the request log's neither
  request.log.info(
    { method: request.method, route: 'unknown', status: problems[problem.code].status, address: addressOf(request) },
    'request',
  );
}

/** What Node refuses before there is a request: broken framing, too large or too slow headers (H-05, F-04). */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const body = JSON.stringify(problemBody('invalid_request', { requestId: randomUUID(), detail: unreadable }));
    const head = `content-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
    socket.write(`HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`);
  }
  socket.destroySoon();
}

/** Answers with the body of a problem; 401 and 403 say how to sign in (RFC 6750 §3). */
function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  const challenge = challengeOf(problem.code);
  if (challenge) reply.header('www-authenticate', challenge);
  if (problem.code === 'store_unavailable') reply.header('retry-after', String(retryAfterSeconds));
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
  if (error instanceof StoreUnavailable || isUnavailable(error)) return new Problem('store_unavailable', undefined, { cause: error });
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
      return new Problem('invalid_request', unreadable);
    default:
      return new Problem('internal', undefined, { cause: error });
  }
}

/** The caller went away before the end of its body: nobody's fault, and nothing that should wake anybody. */
function isCallerGone(error: unknown, request: FastifyRequest): boolean {
  return request.raw.readableAborted && codeOf(error) === 'ECONNRESET';
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function invalidRequest(issues: readonly { instancePath: string; keyword: string; message?: string; params: unknown }[]): Problem {
  const broken: FieldError[] = issues.flatMap((issue) => {
    const path = issue.instancePath.split('/').filter(Boolean).join('.');
    const unknown = unknownKeysOf(issue.params);
    if (unknown.length === 0) return [{ code: issue.keyword, field: path, message: issue.message ?? 'is not valid' }];
    return unknown.map((key) => ({
      code: 'unknown_field',
      field: path ? `${path}.${key}` : key,
      message: 'is not a field of this request',
    }));
  });
  const fieldErrors = broken.slice(0, maxFieldErrors);
  const unnamed = broken.length - fieldErrors.length;
  const sentences = fieldErrors.map((e) => (e.field ? `${e.field}: ${e.message}` : e.message));
  const detail = [...sentences, ...(unnamed > 0 ? [`and ${unnamed} more`] : [])].join('; ');
  return new Problem('invalid_request', detail, { fieldErrors });
}

function unknownKeysOf(params: unknown): string[] {
  if (typeof params !== 'object' || params === null || !('keys' in params) || !Array.isArray(params.keys)) return [];
  return params.keys.map((key) => String(key).slice(0, maxNameLength));
}
