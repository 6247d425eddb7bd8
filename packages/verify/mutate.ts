/** Changed copies of good values, by the million: none may be accepted, none may crash the reader. Used by the tests and by fuzz.ts. */
import { Buffer } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readClaims } from './src/claims.ts';
import { readJsonObject } from './src/encoding.ts';
import { type SignedType, signedTypes, VerificationError, verifySignedObject, verifySignedToken } from './src/index.ts';
import * as support from './testing.ts';

export interface AttackReport {
  readonly seed: number;
  /** Values that differ from every good one, all of which were tried. */
  readonly mutations: number;
  /** Refusals by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Payloads changed before signing: these may be well formed, so only crashes count. */
  readonly payloads: number;
  /** What must stay empty. */
  readonly accepted: readonly string[];
  readonly crashes: readonly string[];
}

interface Sample {
  readonly type: SignedType;
  readonly value: string;
  readonly parts: readonly [header: string, payload: string, signature: string];
}

const feed = { iss: support.issuer, aud: 'data-plane:cm0dep0000000000000000001', entries: ['{"kind":"end"}', '{}'], to: 7 };
const samples: readonly Sample[] = support.oneOfEach.flatMap((key) => [
  sampleOf('at+jwt', support.standardClaims, key),
  sampleOf('at+jwt', support.directClaims, key),
  sampleOf('agent+jwt', support.agentClaims, key),
  sampleOf('feed+jwt', feed, key),
  sampleOf('heartbeat+jwt', { ...feed, at: support.issuedAtMs }, key),
]);
const goodValues: ReadonlySet<string> = new Set(samples.map(({ value }) => value));

/** Tries `count` mutations; the same seed makes the same changes. */
export function attack(count: number, seed: number): AttackReport {
  const random = support.createRandom(seed);
  const refused: Record<string, number> = {};
  const accepted: string[] = [];
  const crashes: string[] = [];
  let mutations = 0;
  let payloads = 0;

  function attempt(input: string, run: () => unknown): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (error instanceof VerificationError) refused[error.code] = (refused[error.code] ?? 0) + 1;
      else crashes.push(`${String(error)} on ${input}`);
      return false;
    }
  }

  while (mutations < count) {
    const sample = random.pick(samples);
    if (random.below(8) === 0) {
      const payload = mutatePayload(random, sample);
      attempt(payload.toString('base64url'), () => readPayload(payload, sample.type));
      payloads++;
    }
    const value = random.pick(random.below(6) === 0 ? deepMutators : shallowMutators)(random, sample);
    if (goodValues.has(value)) continue;
    mutations++;
    if (attempt(value, () => open(value, sample.type))) accepted.push(value);
  }
  return { seed, mutations, refused, payloads, accepted, crashes };
}

/** Bytes in use on the heap once everything unreachable is gone. */
export function settledHeapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

type Mutator = (random: support.Random, sample: Sample) => string;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const strange = ['=', '.', ' ', '\n', '\0', '+', '/', '%2e', '"', 'é', '\ud800', '\u2028', '😀', '..', 'Bearer '];
const texts = [
  'none',
  'HS256',
  'ES256',
  'EdDSA',
  'RS256',
  'at+jwt',
  'agent+jwt',
  'feed+jwt',
  'JWT',
  'astrolabe',
  'test-es256',
  'test-eddsa',
  '',
  '../x',
];
const names = [
  'typ',
  'prd',
  'alg',
  'kid',
  'crit',
  'jwk',
  'jku',
  'x5c',
  'x5u',
  'zip',
  'enc',
  'b64',
  '__proto__',
  'constructor',
  'exp',
  'iat',
  'aud',
  'kind',
  'grants',
  'permissions',
];
const edges: readonly Buffer[] = [
  Buffer.alloc(32),
  Buffer.alloc(32, 0xff),
  Buffer.concat([Buffer.alloc(31), Buffer.from([1])]),
  Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]),
  Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex'),
  Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex'),
];

/** Refused by shape or header, before any signature is computed. */
const shallowMutators: readonly Mutator[] = [
  (random, { parts: [header, payload, signature] }) => join(replaceOne(random, header), payload, signature),
  (random, { parts: [header, payload, signature] }) => join(encode(changeMembers(random, header)), payload, signature),
  (random, { parts: [header, payload, signature] }) => join(swapBytes(random, header), payload, signature),
  (random, { value }) => insert(value, random.below(value.length + 1), random.pick(strange)),
  (random, { value }) => value.slice(0, random.below(value.length)),
  (random, { value }) => value.slice(1 + random.below(value.length)),
  (random, { value }) => value + random.text(1 + random.below(4000), alphabet),
  (random, { parts }) => join(random.pick(parts), random.pick(parts), random.pick(parts)),
  (random, { value }) => insert(value.replaceAll('.', ''), random.below(value.length), '.'),
  (random, { parts: [header, payload, signature] }) => join(header, payload, respell(random, signature)),
  (random, { parts: [header] }) => header + random.text(random.below(300), `${alphabet}.`),
  (random) => random.text(random.below(200), `${alphabet}.`),
  (random) => random.bytes(random.below(200)).toString('latin1'),
  (random, { type, parts: [, payload, signature] }) => {
    const foreign = random.pick(samples.filter((sample) => sample.type !== type));
    return join(foreign.parts[0], payload, signature);
  },
];

/** Well formed up to the signature. */
const deepMutators: readonly Mutator[] = [
  (random, { parts: [header, payload, signature] }) => join(header, replaceOne(random, payload), signature),
  (random, { parts: [header, payload, signature] }) => join(header, encode(changeMembers(random, payload)), signature),
  (random, { parts: [header, payload, signature] }) => join(header, swapBytes(random, payload), signature),
  (random, { parts: [header, payload, signature] }) => join(header, payload, swapBytes(random, signature)),
  (random, { parts: [header, payload] }) => join(header, payload, encode(Buffer.concat([random.pick(edges), random.pick(edges)]))),
  (random, { parts: [header, payload] }) => join(header, payload, encode(random.bytes(random.pick([0, 1, 63, 64, 65, 72, 256])))),
  (random, { parts: [header, payload] }) => join(header, payload, random.pick(samples).parts[2]),
  (random, { parts: [header, , signature] }) => join(header, random.pick(samples).parts[1], signature),
];

function open(value: string, type: SignedType): unknown {
  return isTokenType(type) ? verifySignedToken(value, support.keySet, type) : verifySignedObject(value, support.keySet, type, 8192);
}

function readPayload(payload: Buffer, type: SignedType): unknown {
  const object = readJsonObject(payload);
  return isTokenType(type) ? readClaims(object, type) : object;
}

function isTokenType(type: SignedType) {
  return type === signedTypes.accessToken || type === signedTypes.agentToken;
}

function mutatePayload(random: support.Random, { parts: [, payload] }: Sample): Buffer {
  if (random.below(2) === 0) return Buffer.from(changeMembers(random, payload));
  return Buffer.from(swapBytes(random, payload), 'base64url');
}

/** The text of an object with some members removed, replaced, added, moved or doubled. */
function changeMembers(random: support.Random, segment: string): string {
  const members = Object.entries(JSON.parse(decode(segment)) as object).map(([name, value]) => [name, JSON.stringify(value)] as const);
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(members.length + 1);
    const name = random.below(2) === 0 ? random.pick(names) : (members[at]?.[0] ?? 'kid');
    const remove = random.below(3) === 0 ? 0 : 1;
    members.splice(at, remove, ...(random.below(4) === 0 ? [] : [[name, anyJson(random)] as const]));
  }
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

function anyJson(random: support.Random): string {
  switch (random.below(6)) {
    case 0:
      return JSON.stringify(random.pick(texts));
    case 1:
      return random.pick([
        '0',
        '-1',
        '1.5',
        '1e999',
        '-0',
        '9007199254740993',
        '1795000000',
        '253402300800',
        'null',
        'true',
        'NaN',
        '',
        '"\\ud800"',
      ]);
    case 2:
      return `[${anyJson(random)}]`;
    case 3:
      return `{${JSON.stringify(random.pick(names))}:${anyJson(random)}}`;
    case 4:
      return '['.repeat(random.below(40)) + ']'.repeat(random.below(40));
    default:
      return JSON.stringify(random.text(random.below(30), `${alphabet}:./"\\`));
  }
}

function replaceOne(random: support.Random, text: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + random.pick([...alphabet]) + text.slice(at + 1);
}

/** Flips, removes or repeats bytes below the encoding. */
function swapBytes(random: support.Random, segment: string): string {
  const bytes = Buffer.from(segment, 'base64url');
  const at = random.below(bytes.length);
  switch (random.below(3)) {
    case 0:
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
      return encode(bytes);
    case 1:
      return encode(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(3))]));
    default:
      return encode(Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(at + 1))]));
  }
}

/** Another text that a careless decoder reads as the same bytes. */
function respell(random: support.Random, segment: string): string {
  const last = alphabet.indexOf(segment.at(-1) ?? '');
  const alike = alphabet[(last & 0b110000) | random.below(16)] ?? '';
  return random.pick([
    segment.slice(0, -1) + alike,
    `${segment}=`,
    `${segment}==`,
    `${segment} `,
    segment.replaceAll('_', '/').replaceAll('-', '+'),
  ]);
}

function sampleOf(type: SignedType, payload: object, key: support.TestKey): Sample {
  const value = support.signValue(type, payload, key);
  const [header = '', body = '', signature = ''] = value.split('.');
  return { type, value, parts: [header, body, signature] };
}

const join = (...parts: string[]) => parts.join('.');
const insert = (text: string, at: number, more: string) => text.slice(0, at) + more + text.slice(at);
const encode = support.encode;
const decode = (segment: string) => Buffer.from(segment, 'base64url').toString();
