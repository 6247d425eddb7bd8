/**
 * Programs that tests start: each in a process group of its own, with its output in a file, and never left behind.
 *
 * The reaper, one small process, holds the other end of a pipe. Whatever ends this process (a finished test, Ctrl-C, a
 * crash, `kill -9`), the pipe closes, and the reaper ends every group and removes every folder that is still on its list.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupsUnder, signalAll } from './process-group.ts';

export interface ProgramOptions {
  /** What messages call it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly environment: Environment;
  /** Standard output and error go there. */
  readonly logFile: string;
  readonly cwd: string;
  /** Run as another user; only root can. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What asks the program to end; SIGTERM unless said. */
  readonly stopSignal?: NodeJS.Signals;
}

export type Environment = { readonly [name: string]: string };

export interface Program {
  readonly name: string;
  readonly pid: number;
  /** Undefined while it runs; afterwards one phrase such as `exited with code 1`. */
  ended(): string | undefined;
  /** Resolves with the exit code when the program itself has ended, 128 when a signal ended it. */
  readonly exitCode: Promise<number>;
  /** The last lines of its output, for messages. */
  tail(lines?: number): string;
  /** Ends it and all its descendants: asks, waits up to `patienceMs`, then kills. Safe to call twice. */
  stop(patienceMs?: number): Promise<void>;
}

/** Starts a program. Throws when it cannot be started at all. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const log = openSync(options.logFile, 'a');
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: ['ignore', log, log],
    ...options.user,
  });
  closeSync(log);
  const pid = await started(child, options);
  tellReaper(`+group ${pid}`);
  child.unref(); // a forgotten stop() must not keep the test alive; the reaper does the rest
  let ending: string | undefined;
  const exitCode = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      ending = signal ? `was ended by ${signal}` : `exited with code ${code}`;
      resolve(code ?? 128);
    });
  });
  return {
    name: options.name,
    pid,
    ended: () => ending,
    exitCode,
    tail: (lines = 25) => readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n'),
    stop: (patienceMs = 10_000) => stopFamily(pid, options.stopSignal ?? 'SIGTERM', patienceMs),
  };
}

/** Runs a program to its end and throws with the tail of its output when it fails or takes too long. */
export async function runProgram(options: ProgramOptions, timeoutMs: number): Promise<void> {
  const program = await startProgram(options);
  const limit = new AbortController();
  const code = await Promise.race([program.exitCode, sleep(timeoutMs, undefined, { signal: limit.signal })]);
  limit.abort(); // else the timer would keep this process alive
  await program.stop();
  if (code === undefined) throw new Error(`${options.name} did not finish in ${timeoutMs / 1000} s:\n${program.tail()}`);
  if (code !== 0) throw new Error(`${options.name} ${program.ended()}:\n${program.tail()}`);
}

/** A folder that goes away with this process even if nobody calls the returned function. */
export function disposableFolder(path: string): () => void {
  tellReaper(`+folder ${path}`);
  return () => {
    rmSync(path, { recursive: true, force: true });
    tellReaper(`-folder ${path}`);
  };
}

/** A TCP port on the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

/**
 * Asks `check` again and again until it returns something, and gives up when a program ends or the time is over.
 * `check` returns undefined for "not yet"; what it throws counts as "not yet" too and is quoted when time is over.
 */
export async function waitUntil<T>(
  what: string,
  check: () => Promise<T | undefined>,
  { programs, timeoutMs, everyMs = 200 }: { programs: readonly Program[]; timeoutMs: number; everyMs?: number },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let reason: unknown;
  while (performance.now() < deadline) {
    const dead = programs.find((program) => program.ended());
    if (dead) throw new Error(`${dead.name} ${dead.ended()} while waiting for ${what}:\n${dead.tail()}`);
    try {
      const result = await check();
      if (result !== undefined) return result;
    } catch (error) {
      reason = error;
    }
    await sleep(everyMs);
  }
  const tails = programs.map((program) => `--- ${program.name}\n${program.tail(12)}`).join('\n');
  const why = reason instanceof Error ? `: ${reason.message}` : '';
  throw new Error(`gave up on ${what} after ${timeoutMs / 1000} s${why}\n${tails}`, { cause: reason });
}

async function started(child: ChildProcess, options: ProgramOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new Error(`${options.name} could not be started: ${error.message}`, { cause: error })));
  });
  if (child.pid === undefined) throw new Error(`${options.name} has no process id`);
  return child.pid;
}

async function stopFamily(pid: number, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  const groups = groupsUnder([pid]);
  signalAll(groups, signal);
  if (!(await areGone(groups, patienceMs))) {
    signalAll(groups, 'SIGKILL');
    await areGone(groups, 2000); // not for ever: where nobody collects orphans, dead ones stay in the table
  }
  tellReaper(`-group ${pid}`);
}

async function areGone(groups: Set<number>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    signalAll(groups, 0);
    if (groups.size === 0) return true;
    await sleep(50);
  }
  return false;
}

let reaper: ChildProcess | undefined;

function tellReaper(line: string): void {
  reaper ??= startReaper();
  reaper.stdin?.write(`${line}\n`);
}

function startReaper(): ChildProcess {
  const child = spawn(process.execPath, [new URL('reaper.ts', import.meta.url).pathname], {
    detached: true, // so that Ctrl-C in the terminal does not reach it
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  const pipe: unknown = child.stdin;
  if (pipe instanceof Socket) pipe.unref(); // neither it nor its pipe keeps this process alive
  return child;
}
