/** What the benches have in common: settings, statistics, and result files that say where and when they were made. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** How long a bench measures. */
export interface Settings {
  readonly rounds: number;
  /** Of one candidate in one round. */
  readonly seconds: number;
  /** `--quick`: does it run at all? Says nothing about speed, and its result is not kept. */
  readonly isQuick: boolean;
}

export function readSettings(full: { rounds: number; seconds: number }, quick: { rounds: number; seconds: number }): Settings {
  const isQuick = process.argv.includes('--quick');
  return { ...(isQuick ? quick : full), isQuick };
}

/** A number that was promised. */
export interface Goal {
  readonly value: number;
  readonly goal: string;
  readonly isMet: boolean;
}

export const atLeast = (value: number, limit: number): Goal => ({ value: rounded(value), goal: `>= ${limit}`, isMet: value >= limit });
export const atMost = (value: number, limit: number): Goal => ({ value: rounded(value), goal: `<= ${limit}`, isMet: value <= limit });

/** What a bench found. `goals` come first in the file, raw rounds and the machine after everything else. */
export interface Result {
  readonly goals: Readonly<Record<string, Goal>>;
  /** The other numbers worth reading, ratios before rates. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** What was measured against what, and what a reader might overlook. */
  readonly notes: readonly string[];
  readonly rounds: readonly unknown[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Prints a result, and keeps it in `bench/results/<name>.json` unless it was a quick run. */
export function finish(name: string, settings: Settings, result: Result): void {
  const { goals, summary, notes, rounds, versions } = result;
  for (const [what, { value, goal, isMet }] of Object.entries(goals)) {
    console.log(`${what.padEnd(32)} ${String(value).padStart(8)}   goal ${goal.padEnd(8)} ${isMet ? 'met' : 'MISSED'}`);
  }
  console.log(JSON.stringify(summary, undefined, 2));
  if (settings.isQuick) {
    console.log('a quick run: nothing was kept');
    return;
  }
  const made = { date: new Date().toISOString(), commit: commit(), command: `node bench/${name}/run.ts` };
  const kept = { goals, summary, notes, ...made, machine: machine(), versions: { node: process.version, ...versions }, settings, rounds };
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(new URL(`results/${name}.json`, import.meta.url), `${JSON.stringify(kept, undefined, 2)}\n`);
  console.log(`kept in bench/results/${name}.json`);
}

/** What a bench needs from the system. Throws with what to install. */
export function requireTools(...names: readonly string[]): void {
  const folders = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'];
  const missing = names.filter((name) => !folders.some((folder) => existsSync(`${folder}/${name}`)));
  if (missing.length > 0) throw new Error(`${missing.join(', ')} not found; on Debian: apt-get install wrk nginx-light haproxy util-linux`);
  if (availableParallelism() < 2) throw new Error('this bench needs two cores: one for the candidate, one for everything else');
}

/** The middle one; the lower of the two in the middle of an even number. */
export function median(numbers: readonly number[]): number {
  return percentile(numbers, 50);
}

/** The smallest of the numbers that at least `percent` of them do not exceed. */
export function percentile(numbers: readonly number[], percent: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** Three significant digits are more than a bench can promise. */
export function rounded(number: number): number {
  return Math.abs(number) >= 1000 ? Math.round(number) : Number(number.toPrecision(3));
}

/** The first line that a program prints about itself. */
export function versionOf(command: string, ...args: readonly string[]): string {
  return (
    execFileSync('sh', ['-c', '"$0" "$@" 2>&1 || true', command, ...args], { encoding: 'utf8' })
      .split('\n')[0]
      ?.trim() ?? ''
  );
}

function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: systemName(),
    loadAtEnd: loadavg()[0],
  };
}

function systemName(): string {
  return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
}

/** `dirty` when what runs is not what was committed. */
function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', 'apps', 'packages', 'bench', 'package-lock.json', ':!bench/results');
  return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : ' dirty');
}
