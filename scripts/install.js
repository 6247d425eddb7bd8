// Installs and builds what is missing, and is quiet when nothing is. Plain JavaScript for whatever Node is there: it is the
// only part of the project that has to run before the Node that the packages bring along (design section 10).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const at = (...names) => join(root, ...names);

/** What the bundle of the command line is made from. */
const bundle = at('apps', 'cli', 'dist', 'astro.cjs');
const sources = [
  at('apps', 'cli', 'src'),
  at('apps', 'cli', 'build.ts'),
  at('apps', 'cli', 'code-cache.ts'),
  at('apps', 'cli', 'package.json'),
  at('packages', 'contract', 'src'),
  at('docs', 'reference', 'problems'),
];

if (!isAtLeast(20, 19))
  fail(`This is Node ${process.versions.node}. Astrolabe needs 20.19 or newer to install itself; it then brings its own.`);
if (!isInstalled()) npm(['ci'], 'Installing packages …');
if (!bringsNode() && !isAtLeast(24, 11)) {
  fail(
    `No Node comes along for ${process.platform} ${process.arch}, and this one is ${process.versions.node}. Install Node 24.11 or newer.`,
  );
}
if (!isBuilt()) npm(['run', '--silent', 'build'], 'Building the command line …');

/** npm notes in node_modules what it put there; whatever the lock file wants otherwise is missing. */
function isInstalled() {
  const there = readPackages(at('node_modules', '.package-lock.json'));
  const wanted = readPackages(at('package-lock.json'));
  if (!there || !wanted) return false;
  const fits = ([path, { version, integrity, optional }]) => {
    const found = there[path];
    if (!found) return path === '' || optional === true; // optional ones are for other machines
    return found.version === version && found.integrity === integrity;
  };
  return Object.entries(wanted).every(fits) && Object.keys(there).every((path) => path in wanted);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined; // not there, or cut short by an installation that did not finish
  }
}

function bringsNode() {
  return ['node', 'node.cmd', 'node.exe'].some((name) => existsSync(at('node_modules', '.bin', name)));
}

function isBuilt() {
  return existsSync(bundle) && sources.filter(existsSync).every((source) => newestIn(source) <= statSync(bundle).mtimeMs);
}

function newestIn(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}

/** The npm that runs us, else the one on the path. */
function npm(args, what) {
  process.stdout.write(`${what}\n`);
  const own = process.env.npm_execpath;
  const options = { cwd: root, stdio: 'inherit' };
  const { status, error } =
    own && /\.[cm]?js$/.test(own)
      ? spawnSync(process.execPath, [own, ...args], options)
      : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (error) fail(`npm cannot be started: ${error.message}`);
  if (status !== 0) fail(`\`npm ${args.join(' ')}\` failed; what it says stands above.`);
}

function isAtLeast(major, minor) {
  const [ourMajor, ourMinor] = process.versions.node.split('.').map(Number);
  return ourMajor > major || (ourMajor === major && ourMinor >= minor);
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
