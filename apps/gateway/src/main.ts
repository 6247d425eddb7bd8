import { once } from 'node:events';
import { collectDefaultMetrics } from 'prom-client';
import { systemClock } from './clock.ts';
import { ConfigError, type GatewayConfig, loadConfig } from './config.ts';
import { EnrolmentError, prepareFolder, readEnrolment, watchEnrolment } from './enrolment.ts';
import { Gateway } from './gateway.ts';
import { createLog, type Log } from './log.ts';
import { StateFileError } from './state-file.ts';

/** How long calls under way may go on after we were asked to stop. */
const farewellMs = 5_000;

/** A start that cannot succeed: one sentence for the person who tried. */
class StartError extends Error {
  override readonly name = 'StartError';
}

process.umask(0o077); // what the gateway writes is its owner's alone
try {
  await start(loadConfig(process.env));
} catch (error) {
  const isOurs = [ConfigError, EnrolmentError, StateFileError, StartError].some((kind) => error instanceof kind);
  if (!isOurs || !(error instanceof Error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function start(config: GatewayConfig): Promise<void> {
  const log = createLog(config.logLevel);
  prepareFolder(config.dataFolder);
  const enrolment = readEnrolment(config.dataFolder);
  const gateway = new Gateway({ config, clock: systemClock, log });
  collectDefaultMetrics({ register: gateway.metrics.registry });
  await listen(gateway, config);
  gateway.enrol(enrolment);
  const stopWatching = watchEnrolment(config.dataFolder, enrolment, systemClock, {
    onChange: (next) => enrolAgain(gateway, next, log),
    onProblem: (problem) => log.error(problem.message),
  });
  log.info({ pid: process.pid, ...addressOf(gateway) }, 'listening');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stopWatching();
      gateway.close(farewellMs).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

async function listen(gateway: Gateway, { host, port }: GatewayConfig): Promise<void> {
  gateway.server.listen(port, host);
  try {
    await once(gateway.server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') throw new StartError(`The port ${port} on ${host} is taken: set ASTROLABE_GATEWAY_PORT to another one.`);
    throw new StartError(`The gateway cannot listen on ${host} port ${port}: ${code}.`);
  }
}

/** A new enrolment that cannot be used leaves the gateway without one; it does not end the process. */
function enrolAgain(gateway: Gateway, enrolment: Parameters<Gateway['enrol']>[0], log: Log): void {
  try {
    gateway.enrol(enrolment);
  } catch (error) {
    log.error({ err: error }, 'the new enrolment cannot be used: the gateway is not enrolled');
  }
}

/** Where it really listens: the configured port may be 0. */
function addressOf({ server }: Gateway): { host: string; port: number } | undefined {
  const address = server.address();
  return address === null || typeof address === 'string' ? undefined : { host: address.address, port: address.port };
}
