/** Runs a copy of `install.js` in a tree of the test, with an npm that only notes what it was asked. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'astrolabe-install-'));
const calls = join(root, 'calls.txt');
const npm = join(root, 'npm.cjs');
const bundle = 'apps/cli/dist/astro.cjs';
afterAll(() => rmSync(root, { recursive: true, force: true }));

const packages = {
  '': { name: 'astrolabe' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/for-another-machine': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  'node_modules/@astrolabe/cli': { resolved: 'apps/cli', link: true },
};

function write(path: string, content: string | object, at?: number): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  if (at !== undefined) utimesSync(file, at, at);
}

/** What npm was asked to do, and what the person saw. */
function install(failing = ''): { asked: string[]; out: string; err: string; code: number | null } {
  writeFileSync(calls, '');
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/install.js')], {
    env: { PATH: process.env.PATH ?? '', npm_execpath: npm, FAILING: failing },
    encoding: 'utf8',
  });
  const asked = readFileSync(calls, 'utf8').split('\n').filter(Boolean);
  return { asked, out: stdout, err: stderr, code: status };
}

beforeEach(() => {
  writeFileSync(
    npm,
    `const call = process.argv.slice(2).join(' ');
     require('node:fs').appendFileSync(${JSON.stringify(calls)}, call + '\\n');
     process.exit(process.env.FAILING && call.startsWith(process.env.FAILING) ? 7 : 0);`,
  );
  write('package.json', { type: 'module' });
  mkdirSync(join(root, 'scripts'), { recursive: true });
  copyFileSync(join(import.meta.dirname, 'install.js'), join(root, 'scripts/install.js'));
  write('package-lock.json', { packages });
  const { '': _1, 'node_modules/for-another-machine': _2, ...there } = packages;
  write('node_modules/.package-lock.json', { packages: there });
  write('node_modules/.bin/node', '');
  write('apps/cli/src/main.ts', '', 1000);
  write('packages/contract/src/index.ts', '', 1000);
  write(bundle, '');
});

describe('npm start and npm test begin with it', () => {
  test('with everything there it does nothing and says nothing', () => {
    expect(install()).toEqual({ asked: [], out: '', err: '', code: 0 });
  });

  test.each([
    ['nothing is installed', () => rmSync(join(root, 'node_modules'), { recursive: true })],
    ['the last installation was cut short', () => write('node_modules/.package-lock.json', '{"packa')],
    [
      'the lock file wants another version',
      () => write('package-lock.json', { packages: { ...packages, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-c' } } }),
    ],
    [
      'the lock file wants one more',
      () => write('package-lock.json', { packages: { ...packages, 'node_modules/c': { version: '1.0.0' } } }),
    ],
    ['the lock file no longer wants one', () => write('package-lock.json', { packages: { '': {} } })],
  ])('when %s it installs', (_name, change) => {
    change();
    const { asked, out, code } = install();
    expect([asked, code]).toEqual([['ci'], 0]);
    expect(out).toBe('Installing packages …\n');
  });

  test.each([
    ['is missing', () => rmSync(join(root, bundle))],
    ['is older than a source of it', () => write('apps/cli/src/commands/deep/rotate.ts', '', Date.now() / 1000 + 5)],
    ['is older than what it takes from the contract', () => write('packages/contract/src/problems.ts', '', Date.now() / 1000 + 5)],
  ])('when the command line %s it builds it', (_name, change) => {
    change();
    expect(install()).toMatchObject({ asked: ['run --silent build'], out: 'Building the command line …\n', code: 0 });
    rmSync(join(root, 'apps/cli/src/commands'), { recursive: true, force: true });
    rmSync(join(root, 'packages/contract/src/problems.ts'), { force: true });
  });

  test('when npm fails it stops with one sentence', () => {
    write('node_modules/.package-lock.json', '{}');
    expect(install('ci')).toMatchObject({ asked: ['ci'], err: '`npm ci` failed; what it says stands above.\n', code: 1 });
  });
});
