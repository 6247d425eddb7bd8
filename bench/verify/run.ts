/**
 * How fast a token is verified: `node bench/verify/run.ts`. Writes bench/results/verify.json.
 *
 * Uncached is `verifySignedToken` with everything it does, cached a hit of `createSignatureCache` as in the gateway. Beside
 * them `openssl speed` of the same algorithm, which checks a bare signature over a short message and nothing else.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createSignatureCache, importKeys, type PublicJwk, verifySignedToken } from '@astrolabe/verify';
import { atLeast, atMost, finish, median, readSettings, requireTools, rounded, versionOf } from '../measure.ts';

requireTools('openssl');
const settings = readSettings({ rounds: 5, seconds: 3 }, { rounds: 1, seconds: 1 });

const kid = 'bench';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } as PublicJwk; // an EC key exports as EC
const keys = importKeys({ keys: [jwk] });
const values = Array.from({ length: 1000 }, issueToken); // more than one, so that nothing is learned from a single input
const cache = createSignatureCache(keys);

const rounds = Array.from({ length: settings.rounds }, measureRound);
const openssl = median(rounds.map((round) => round.openssl));
const uncached = median(rounds.map((round) => round.uncached));
const cached = median(rounds.map((round) => round.cached));

finish('verify', settings, {
  goals: {
    uncachedOfOpenssl: atLeast(median(rounds.map((round) => round.uncachedOfOpenssl)), 0.75),
    cacheHitMicroseconds: atMost(1_000_000 / cached, 2),
  },
  summary: {
    cachedOfUncached: rounded(cached / uncached),
    microseconds: { openssl: rounded(1_000_000 / openssl), uncached: rounded(1_000_000 / uncached), cacheHit: rounded(1_000_000 / cached) },
    perSecond: { openssl, uncached, cached },
    tokenBytes: values[0]?.length,
  },
  notes: [
    'ES256, one thread. All three in processor time, as `openssl speed` measures by itself, so that neighbours count for little.',
    'Uncached reads header and claims, too. openssl checks a 20-byte message without hashing or reading anything.',
    `${values.length} different values in turn; a ratio is the median of the ratios of the rounds.`,
  ],
  rounds,
  versions: { nodeOpenssl: process.versions.openssl, openssl: versionOf('openssl', 'version') },
});

function measureRound() {
  const opensslPerSecond = opensslRate();
  const uncachedPerSecond = rate(verifyAll);
  return {
    openssl: opensslPerSecond,
    uncached: uncachedPerSecond,
    cached: rate(verifyAllCached),
    uncachedOfOpenssl: uncachedPerSecond / opensslPerSecond,
  };
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
function rate(run: () => number): number {
  run();
  const start = process.cpuUsage();
  let calls = 0;
  let usedSeconds = 0;
  do {
    calls += run();
    const used = process.cpuUsage(start);
    usedSeconds = (used.user + used.system) / 1_000_000;
  } while (usedSeconds < settings.seconds);
  return Math.round(calls / usedSeconds);
}

/** Signature checks per second, the last number of the last line: `256 bits ecdsa (nistp256) 0.0000s 0.0001s 52068.6 16975.4`. */
function opensslRate(): number {
  const output = execFileSync('openssl', ['speed', '-seconds', String(settings.seconds), 'ecdsap256'], {
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
