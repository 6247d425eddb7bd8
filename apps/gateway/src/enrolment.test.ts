import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thumbprint } from '@astrolabe/verify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Enrolment, EnrolmentError, prepareFolder, readEnrolment, watchEnrolment } from './enrolment.ts';
import { FakeControlPlane, ids, TestClock } from './fake-control-plane.ts';

let folder: string;
let file: string;
let server: FakeControlPlane;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-'));
  file = join(folder, 'gateway', 'gateway.json');
  server = new FakeControlPlane(new TestClock());
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(content: unknown, mode = 0o600): void {
  mkdirSync(join(folder, 'gateway'), { recursive: true, mode: 0o700 });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(file, mode);
}

/** What reading says is wrong. */
function complaint(): string {
  try {
    readEnrolment(folder);
  } catch (error) {
    if (error instanceof EnrolmentError) return error.message;
    throw error;
  }
  return 'nothing';
}

describe('readEnrolment', () => {
  test('there may be none', () => {
    expect(readEnrolment(folder)).toBeUndefined();
    expect(readEnrolment(join(folder, 'not-there'))).toBeUndefined();
  });

  test('gives what was enrolled, and the feed key that the agent token pins', () => {
    const enrolment = server.enrolmentFile();
    write(enrolment);
    expect(readEnrolment(folder)).toEqual({
      ...enrolment,
      agentTokenId: ids.agentToken,
      feedKeyThumbprint: thumbprint(server.feedKey.jwk),
    });
  });

  test.each([0o640, 0o604, 0o620])('S-06 a file that others can touch (mode %o) is refused with what to type', (mode) => {
    write(server.enrolmentFile(), mode);
    expect(complaint()).toMatch(/gateway\.json can be read by others .*chmod go-rwx/);
  });

  test.each([
    ['http://10.0.0.5:8888', true],
    ['http://control.example.org', true],
    ['http://localhost.example.org', true],
    ['https://control.example.org', false],
    ['http://localhost:8888', false],
    ['http://127.0.0.2:8888', false],
    ['http://[::1]:8888', false],
  ])('F-09 the agent token goes in clear to this machine only: %s', (serverUrl, isRefused) => {
    write({ ...server.enrolmentFile(), serverUrl });
    expect(complaint().includes('would cross the network in clear')).toBe(isRefused);
  });

  test('S-06 a folder that others can read is refused', () => {
    write(server.enrolmentFile());
    chmodSync(join(folder, 'gateway'), 0o755);
    expect(complaint()).toMatch(/gateway can be read by others/);
  });

  test.each([
    ['no JSON', () => '{"agentToken": "eyJsecret'],
    ['something else', () => ({ agentToken: 'eyJsecret' })],
    ['an unknown member', () => ({ ...server.enrolmentFile(), more: 'eyJsecret' })],
    ['an agent token without a feed key', () => server.enrolmentFile({ agentToken: server.agentToken({ feed_key: undefined }) })],
    ['an agent token without an id', () => server.enrolmentFile({ agentToken: server.agentToken({ sub: undefined }) })],
    ['an agent token that is none', () => server.enrolmentFile({ agentToken: 'eyJsecret' })],
    ['an agent token of another Deployment', () => server.enrolmentFile({ deploymentId: ids.otherDeployment })],
    ['an address that is none', () => server.enrolmentFile({ airflowUrl: 'file:///eyJsecret' })],
  ])('%s is one sentence that quotes nothing of it', (_name, content) => {
    write(content());
    expect(complaint()).toMatch(/^(The file|The agent token in|airflowUrl in) /);
    expect(complaint()).not.toMatch(/eyJ/);
  });
});

describe('prepareFolder', () => {
  test('makes the folder for its owner alone', () => {
    const data = join(folder, 'data');
    prepareFolder(data);
    expect(statSync(join(data, 'gateway')).mode & 0o777).toBe(0o700);
    expect(statSync(data).mode & 0o777).toBe(0o700);
  });

  test('refuses a data folder that others can read', () => {
    chmodSync(folder, 0o750);
    expect(() => prepareFolder(folder)).toThrow(/can be read by others \(mode 0750\)/);
  });

  test('says in one sentence that it cannot be made', () => {
    writeFileSync(join(folder, 'gateway'), '');
    expect(() => prepareFolder(folder)).toThrow(/cannot be made: EEXIST/);
  });
});

describe('watchEnrolment', () => {
  const clock = new TestClock();
  let seen: (Enrolment | undefined)[];
  let problems: string[];

  function watch(known?: Enrolment): () => void {
    seen = [];
    problems = [];
    return watchEnrolment(folder, known, clock, {
      onChange: (next) => seen.push(next),
      onProblem: ({ message }) => problems.push(message),
    });
  }

  test('sees a new enrolment, another one, and that it is gone', () => {
    const stop = watch();
    clock.advance(500);
    expect(seen).toEqual([]);
    const enrolment = server.enrolmentFile();
    write(enrolment);
    clock.advance(500);
    write({ ...enrolment, airflowUrl: 'http://127.0.0.1:8' });
    clock.advance(500);
    clock.advance(500);
    rmSync(file);
    clock.advance(500);
    stop();
    write(enrolment);
    clock.advance(500);
    expect(seen.map((next) => next?.airflowUrl)).toEqual([enrolment.airflowUrl, 'http://127.0.0.1:8', undefined]);
    expect(problems).toEqual([]);
  });

  test('one that cannot be used is told once and changes nothing', () => {
    write(server.enrolmentFile());
    const stop = watch(readEnrolment(folder));
    write('{');
    clock.advance(500);
    clock.advance(500);
    chmodSync(file, 0o644);
    clock.advance(500);
    stop();
    expect(problems).toEqual([expect.stringContaining('is not a gateway'), expect.stringContaining('can be read by others')]);
    expect(seen).toEqual([]);
  });

  test('what cannot even be looked at ends nothing', () => {
    write(server.enrolmentFile());
    const stop = watch(readEnrolment(folder));
    rmSync(file);
    symlinkSync(file, file);
    clock.advance(500);
    rmSync(file);
    write(server.enrolmentFile({ airflowUrl: 'http://127.0.0.1:8' }));
    clock.advance(500);
    stop();
    expect(problems).toEqual([expect.stringContaining('cannot be read: ELOOP')]);
    expect(seen.map((next) => next?.airflowUrl)).toEqual(['http://127.0.0.1:8']);
  });

  test('misses nothing that changed before its first look', () => {
    const stop = watch();
    write(server.enrolmentFile());
    clock.advance(500);
    stop();
    expect(seen).toHaveLength(1);
  });
});
