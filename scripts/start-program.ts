/** One of our programs as a process of its own: its log goes to a file, what a person has to know to the terminal. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export const programNames = ['server', 'gateway'] as const;
export type ProgramName = (typeof programNames)[number];

/** A line of the log: pino's JSON. */
export interface LogRecord {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Program {
  readonly name: ProgramName;
  readonly pid: number;
  /** Resolves with the log line that says so; never, when the program ends before. */
  readonly listening: Promise<LogRecord>;
  /** Resolves with how it ended, to go on after "The server …". */
  readonly ended: Promise<string>;
  signal(signal: NodeJS.Signals): void;
}

const root = resolve(import.meta.dirname, '..');
const errorLevel = 50;
const largestLogBytes = 10 * 1024 * 1024;

/** Starts the program with the Node that runs us. A group of its own: Ctrl-C in the terminal reaches it through us alone. */
export function startProgram(name: ProgramName, dataFolder: string): Program {
  const child = spawn(process.execPath, [join(root, 'apps', name, 'src', 'main.ts')], {
    env: environmentOf(name),
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`the ${name} cannot be started with ${process.execPath}`);
  const { promise: listening, resolve: isListening } = Promise.withResolvers<LogRecord>();
  let log: WriteStream | undefined; // opened with the first line: by then the program has made the data folder, or complained
  createInterface({ input: child.stdout }).on('line', (line) => {
    log ??= openLog(name, dataFolder);
    log.write(`${line}\n`);
    const record = parse(line);
    if (record?.msg === 'listening') isListening(record);
    if (record && record.level >= errorLevel) process.stderr.write(`${name}: ${record.msg}${causeOf(record)}\n`);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with code ${code}`));
  });
  return { name, pid, listening, ended, signal: (signal) => void child.kill(signal) };
}

/** Only the server may have the master key (design section 3). */
function environmentOf(name: ProgramName): NodeJS.ProcessEnv {
  if (name === 'server') return process.env;
  const { ASTROLABE_MASTER_KEY: _1, ASTROLABE_KEYS: _2, ...rest } = process.env;
  return rest;
}

/** Appends; a log that has grown large makes room first and is kept once. */
function openLog(name: ProgramName, dataFolder: string): WriteStream {
  const folder = join(dataFolder, 'logs');
  const file = join(folder, `${name}.log`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > largestLogBytes) renameSync(file, `${file}.1`);
  return createWriteStream(file, { flags: 'a', mode: 0o600 }).on('error', (error) => {
    process.stderr.write(`The log ${file} cannot be written: ${error.message}\n`);
  });
}

function parse(line: string): LogRecord | undefined {
  try {
    return JSON.parse(line) as LogRecord; // pino wrote it
  } catch {
    process.stdout.write(`${line}\n`);
    return undefined;
  }
}

function causeOf({ err }: LogRecord): string {
  return typeof err === 'object' && err !== null && 'message' in err ? ` (${err.message})` : '';
}
