/**
 * Airflow in a virtual environment of its own, made by `uv` from `requirements.txt`. `node e2e/airflow/install.ts` does
 * it ahead of the tests; a second run finds it done and takes no time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
const defaultFolder = fileURLToPath(new URL('../../node_modules/.cache/airflow-venv', import.meta.url));
/** The first that is there wins; only the last may be fetched by uv itself. */
const pythons = [
  ['--no-python-downloads', '--python', '3.11'],
  ['--no-python-downloads', '--python', '>=3.11,<3.15'],
  ['--python', '3.11'],
];

if (import.meta.main) {
  const airflow = findAirflow((text) => console.error(text));
  console.log('missing' in airflow ? airflow.missing : join(airflow.bin, 'airflow'));
  process.exitCode = 'missing' in airflow ? 1 : 0;
}

/**
 * Installs Airflow unless it is there.
 *
 * @param onProgress hears of an installation, which blocks this process for as long as the download takes
 * @returns the folder that holds `airflow`, or in one sentence what is missing (uv, Python or the package index)
 */
export function findAirflow(onProgress: (text: string) => void = () => {}): { readonly bin: string } | { readonly missing: string } {
  const folder = process.env.ASTROLABE_AIRFLOW_VENV ?? defaultFolder;
  const bin = join(folder, 'bin');
  const stamp = join(folder, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(join(bin, 'airflow'))) return { bin };
  const uv = findUv();
  if (!uv) return { missing: 'Airflow is not installed, and neither is uv, which installs it (`pip install uv`)' };
  onProgress('installing Airflow (220 MB)');
  try {
    install(uv, folder);
  } catch (error) {
    return { missing: `Airflow could not be installed: ${summary(error)}` };
  }
  writeFileSync(stamp, wanted); // last, so that an interrupted installation is not taken for a whole one
  return { bin };
}

function install(uv: readonly string[], folder: string): void {
  const isForeign = existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(join(folder, 'pyvenv.cfg'));
  if (isForeign) throw new Error(`${folder} holds something else than a virtual environment`);
  rmSync(folder, { recursive: true, force: true });
  createEnvironment(uv, folder);
  run(uv, ['pip', 'install', '--python', join(folder, 'bin', 'python'), '--requirement', requirements, '--compile-bytecode'], folder);
}

function createEnvironment(uv: readonly string[], folder: string): void {
  let reason: unknown;
  for (const python of pythons) {
    try {
      run(uv, ['venv', ...python, folder], dirname(requirements));
      return;
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

/** uv as a program, or as a module of Python. */
function findUv(): readonly string[] | undefined {
  return [['uv'], ['python3', '-m', 'uv']].find((command) => {
    try {
      run(command, ['--version'], dirname(requirements));
      return true;
    } catch {
      return false;
    }
  });
}

function run([program = '', ...prefix]: readonly string[], args: readonly string[], cwd: string): void {
  execFileSync(program, [...prefix, ...args, '--quiet'], {
    cwd,
    encoding: 'utf8',
    stdio: 'pipe',
    timeout: 600_000,
  });
}

/** uv says what failed in its first line and why in its last. */
function summary(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = 'stderr' in error && error.stderr ? String(error.stderr).trim().split('\n') : [error.message];
  return [...new Set([lines.at(0), lines.at(-1)])].join(' … ').replaceAll(/\s+/g, ' ');
}
