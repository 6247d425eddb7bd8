/**
 * How fast a token is verified: `node bench/verify/run.ts`. Writes bench/results/verify.json.
 *
 * Uncached: `verifySignedToken` with everything it does. Cached: a hit of `createSignatureCache`, as in the gateway.
 * Beside them `openssl speed` of the same algorithm, which checks a bare signature over a short message and nothing else.
 * Both are measured in processor time (`openssl speed` does that by itself), so that neighbours on the machine count for
 * little; rounds alternate, and a ratio is the median of the ratios of the rounds.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform } from 'node:os';
import { createSignatureCache, importKeys, type PublicJwk, verifySignedToken } from '@astrolabe/verify';

const rounds = 5;
const secondsEach = 3;
const goals = { uncachedOfOpenssl: 0.75, cacheHitMicroseconds: 2 };

const kid = 'bench';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } as PublicJwk; // an EC key exports as EC
const keys = importKeys({ keys: [jwk] });
const values = Array.from({ length: 1000 }, issueToken); // more than one, so that nothing is learned from a single input
const cache = createSignatureCache(keys);

const loadBefore = loadavg()[0];
rate(verifyAll, 1); // compile before measuring
const measured = Array.from({ length: rounds }, measureRound);
const openssl = median(measured.map((round) => round.openssl));
const uncached = median(measured.map((round) => round.uncached));
const cached = median(measured.map((round) => round.cached));
const uncachedOfOpenssl = median(measured.map((round) => round.uncached / round.openssl));
const cacheHitMicroseconds = 1_000_000 / cached;

const result = {
  ratios: {
    uncachedOfOpenssl: rounded(uncachedOfOpenssl),
    cachedOfUncached: rounded(median(measured.map((round) => round.cached / round.uncached))),
  },
  goals: {
    uncachedOfOpenssl: { goal: `>= ${goals.uncachedOfOpenssl}`, met: uncachedOfOpenssl >= goals.uncachedOfOpenssl },
    cacheHitMicroseconds: { goal: `<= ${goals.cacheHitMicroseconds}`, met: cacheHitMicroseconds <= goals.cacheHitMicroseconds },
  },
  perSecond: { openssl: Math.round(openssl), uncached: Math.round(uncached), cached: Math.round(cached) },
  microseconds: { openssl: rounded(1_000_000 / openssl), uncached: rounded(1_000_000 / uncached), cacheHit: rounded(cacheHitMicroseconds) },
  rounds: measured.map((round) => ({ ...round, uncachedOfOpenssl: rounded(round.uncached / round.openssl) })),
  algorithm: 'ES256',
  tokenBytes: values[0]?.length,
  date: new Date().toISOString(),
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, ${platform()} ${arch()}`,
  loadBefore: rounded(loadBefore ?? 0),
  versions: {
    node: process.version,
    nodeOpenssl: process.versions.openssl,
    openssl: execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim(),
  },
};

console.log(
  `uncached / openssl   ${result.ratios.uncachedOfOpenssl}   goal ${result.goals.uncachedOfOpenssl.goal}   ${verdict(result.goals.uncachedOfOpenssl.met)}`,
);
console.log(
  `cache hit            ${result.microseconds.cacheHit} µs   goal ${result.goals.cacheHitMicroseconds.goal} µs   ${verdict(result.goals.cacheHitMicroseconds.met)}`,
);
console.log(
  `per second           openssl ${result.perSecond.openssl}, uncached ${result.perSecond.uncached}, cached ${result.perSecond.cached}`,
);
mkdirSync(new URL('../results/', import.meta.url), { recursive: true });
writeFileSync(new URL('../results/verify.json', import.meta.url), `${JSON.stringify(result, undefined, 2)}\n`);

function measureRound() {
  return { openssl: opensslRate(), uncached: rate(verifyAll, secondsEach), cached: rate(verifyAllCached, 1) };
}

function verifyAll(): number {
  for (const value of values) verifySignedToken(value, keys, 'at+jwt');
  return values.length;
}

function verifyAllCached(): number {
  for (const value of values) cache.verify(value, 'at+jwt');
  return values.length;
}

/** Calls per second of processor time, garbage collection included; `run` says how many calls it made. Its first run warms up. */
function rate(run: () => number, seconds: number): number {
  run();
  const start = process.cpuUsage();
  let calls = 0;
  let usedSeconds = 0;
  do {
    calls += run();
    const used = process.cpuUsage(start);
    usedSeconds = (used.user + used.system) / 1_000_000;
  } while (usedSeconds < seconds);
  return Math.round(calls / usedSeconds);
}

/** Signature checks per second, the last number of the last line: `256 bits ecdsa (nistp256) 0.0000s 0.0001s 52068.6 16975.4`. */
function opensslRate(): number {
  const output = execFileSync('openssl', ['speed', '-seconds', String(secondsEach), 'ecdsap256'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const line = output.split('\n').find((each) => each.includes('nistp256'));
  const perSecond = Number(line?.trim().split(/\s+/).at(-1));
  if (!(perSecond > 0)) throw new Error(`openssl speed printed nothing to read:\n${output}`);
  return Math.round(perSecond);
}

/** A Deployment token as the control plane makes it. */
function issueToken(): string {
  const id = 'cm0tok0000000000000000001';
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://astrolabe.example',
    sub: id,
    client_id: id,
    apiTokenId: id,
    aud: ['deployment:cm0dep0000000000000000001'],
    iat,
    nbf: iat,
    exp: iat + 30 * 86_400,
    jti: randomBytes(16).toString('base64url'),
    org_id: 'cm0org0000000000000000001',
    permissions: [
      `apiTokenId:${id}`,
      'organizationId:cm0org0000000000000000001',
      'workspaceId:cm0wsp0000000000000000001',
      'deploymentId:cm0dep0000000000000000001',
    ],
    kind: 'STANDARD',
  };
  const header = { typ: 'at+jwt', prd: 'astrolabe', alg: 'ES256', kid };
  const message = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${message}.${sign('sha256', Buffer.from(message), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function rounded(number: number): number {
  return Math.round(number * 100) / 100;
}

function verdict(isMet: boolean): string {
  return isMet ? 'met' : 'MISSED';
}
