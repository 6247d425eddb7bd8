import pino from 'pino';
import type { GatewayConfig } from './config.ts';

/**
 * The log of the gateway: JSON lines. Level is a promise: `error` wakes someone, `warn` someone reads tomorrow, `info` is
 * the day's story, `debug` is for one developer. What is logged is picked field by field; no request and no target ever is,
 * because a token may stand in it.
 */
export type Log = pino.Logger;

/** Writes to standard output, or to `destination`. */
export function createLog(level: GatewayConfig['logLevel'], destination?: pino.DestinationStream): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: describeError } };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Not what else hangs on an error: undici puts the bytes there that Airflow sent and it could not read. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return { type: error.name, message: error.message, code: 'code' in error ? error.code : undefined, stack: error.stack };
}
