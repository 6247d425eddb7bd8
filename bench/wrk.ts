/** The load generator. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface Load {
  readonly url: string;
  /** Where wrk itself runs, in one thread. */
  readonly core: number;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: readonly string[];
  /** A Lua file that makes the requests, and what it is told. */
  readonly script?: { readonly file: string; readonly args: readonly string[] };
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

/** Sends requests as fast as they are answered. Throws when one of them failed: a refusal is fast, and worth nothing here. */
export async function runWrk(load: Load): Promise<LoadResult> {
  const args = ['-c', String(load.core), 'wrk', '-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '10s', '--latency'];
  for (const header of load.headers ?? []) args.push('-H', header);
  if (load.script) args.push('-s', load.script.file);
  args.push(load.url);
  if (load.script) args.push('--', ...load.script.args);
  const { stdout } = await promisify(execFile)('taskset', args, { timeout: (load.seconds + 30) * 1000 });
  const failed = /Non-2xx or 3xx responses: .*|Socket errors: .*/.exec(stdout)?.[0];
  if (failed !== undefined) throw new Error(`${load.url}: ${failed}`);
  return {
    requestsPerSecond: Number(find(stdout, /Requests\/sec:\s+([\d.]+)/)),
    latencyMs: { p50: milliseconds(find(stdout, /\n\s+50%\s+(\S+)/)), p99: milliseconds(find(stdout, /\n\s+99%\s+(\S+)/)) },
  };
}

function find(output: string, pattern: RegExp): string {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`wrk printed nothing like ${pattern}:\n${output}`);
  return found;
}

/** `733.00us`, `1.20ms`, `2.01s` */
function milliseconds(text: string): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit ?? ''];
  if (number === undefined || factor === undefined) throw new Error(`wrk printed ${text} for a time`);
  return Number(number) * factor;
}
