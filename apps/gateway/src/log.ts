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
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination === undefined ? pino(options) : pino(options, destination);
}
