import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type pino from 'pino';

/** What a route group registers on: Fastify whose schemas are zod's. */
export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, pino.Logger, ZodTypeProvider>;
