/**
 * Writes the sample tokens: `node packages/verify/test-vectors/generate.ts`.
 *
 * ES256 signatures differ from run to run, so the committed files are the truth; this program says how each came to be.
 */
import { Buffer } from 'node:buffer';
import { createHmac, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { hashJti, type SignedType, signedTypes, type VerificationCode } from '../src/index.ts';
import * as support from '../testing.ts';

const { agentClaims, directClaims, eddsa, encode, es256, headerText, oneOfEach, otherEs256, rs256 } = support;
const { signParts, signSegments, signValue, standardClaims } = support;

interface Invalid {
  readonly name: string;
  readonly covers: string;
  readonly type: SignedType;
  readonly code: VerificationCode;
  readonly value: string;
  /** A general JOSE library takes it for the other spelling of a good value; only a strict reader refuses it. */
  readonly strictOnly?: true;
}

const expected = { issuers: [support.issuer], audiences: [support.audience], nowMs: support.issuedAtMs + 60_000, maxSkewSeconds: 30 };
const seconds = expected.nowMs / 1000;
const payload = JSON.stringify(standardClaims);
const header = headerText('at+jwt', es256);
const good = signValue('at+jwt', standardClaims);
const [goodHead = '', goodBody = '', goodSignature = ''] = good.split('.');
const feed = { iss: support.issuer, aud: 'data-plane:cm0dep0000000000000000001', sequence: 7 };
const samples = { 'at+jwt': standardClaims, 'agent+jwt': agentClaims, 'feed+jwt': feed, 'heartbeat+jwt': feed } as const;
const types = Object.values(signedTypes);

const valid = [
  ...oneOfEach.flatMap((key) => [
    { name: `standard token, ${key.algorithm}`, ...made('at+jwt', standardClaims, key) },
    { name: `direct access token, ${key.algorithm}`, ...made('at+jwt', directClaims, key) },
    { name: `agent token, ${key.algorithm}`, ...made('agent+jwt', agentClaims, key) },
    { name: `feed batch, ${key.algorithm}`, ...made('feed+jwt', feed, key) },
    { name: `heartbeat, ${key.algorithm}`, ...made('heartbeat+jwt', feed, key) },
  ]),
  { name: 'standard token that never expires', ...made('at+jwt', without('exp')) },
  { name: 'audience as text', ...made('at+jwt', { ...standardClaims, aud: support.audience }) },
  { name: 'one audience of several is ours', ...made('at+jwt', { ...standardClaims, aud: ['workspace:other', support.audience] }) },
  { name: 'ended, inside the skew', ...made('at+jwt', { ...standardClaims, exp: seconds - 29 }) },
  { name: 'not begun, inside the skew', ...made('at+jwt', { ...standardClaims, nbf: seconds + 30, iat: seconds + 30 }) },
  { name: 'a claim we do not know', ...made('at+jwt', { ...standardClaims, later: { any: [1, 'ä€😀'] } }) },
];

const invalid: Invalid[] = [...algorithms(), ...headers(), ...typesMixed(), ...claims(), ...encodings(), ...signatures()];

write('jwks.json', { keys: [...support.keySet.keys()].map((keyId) => [...oneOfEach, otherEs256].find((key) => key.keyId === keyId)?.jwk) });
write('valid.json', { expected, vectors: valid });
write('invalid.json', { expected, vectors: invalid });

function algorithms(): Invalid[] {
  const withAlg = (alg: string) => encode(JSON.stringify({ typ: 'at+jwt', prd: 'astrolabe', alg, kid: es256.keyId }));
  const pem = support.keySet.get(es256.keyId)?.key.export({ format: 'pem', type: 'spki' }) ?? '';
  const hmac = `${withAlg('HS256')}.${goodBody}`;
  const refused = (name: string, covers: string, value: string): Invalid => ({
    name,
    covers,
    type: 'at+jwt',
    code: 'wrong_algorithm',
    value,
  });
  return [
    ...['none', 'None', 'NONE'].map((alg) => ({ ...refused(`alg ${alg}, no signature`, 'J-01', `${withAlg(alg)}.${goodBody}.`) })),
    refused('alg none, good signature', 'J-01', signSegments(withAlg('none'), goodBody)),
    refused('alg ES384', 'J-01', signSegments(withAlg('ES384'), goodBody)),
    refused('HS256 with the public key as secret', 'J-02', `${hmac}.${createHmac('sha256', pem).update(hmac).digest('base64url')}`),
    ...oneOfEach.flatMap((key) =>
      oneOfEach
        .filter((other) => other !== key)
        .map((other) =>
          refused(
            `key of ${key.algorithm} under ${other.algorithm}`,
            'J-03',
            signParts(headerText('at+jwt', { ...other, keyId: key.keyId }), payload, key),
          ),
        ),
    ),
  ];
}

function headers(): Invalid[] {
  const refused = (
    name: string,
    covers: string,
    head: string | Uint8Array,
    code: VerificationCode = 'malformed',
    strict = false,
  ): Invalid => ({
    name,
    covers,
    type: 'at+jwt',
    code,
    value: signParts(head, payload),
    ...(strict && { strictOnly: true }),
  });
  const plus = (more: object) => JSON.stringify({ ...JSON.parse(header), ...more });
  return [
    refused('header with jwk', 'J-04', plus({ jwk: es256.jwk })),
    refused('header with jku', 'J-04', plus({ jku: 'http://127.0.0.1:1/' })),
    refused('header with x5u', 'J-04', plus({ x5u: 'http://127.0.0.1:1/' })),
    refused('header with x5c', 'J-04', plus({ x5c: ['MIIB'] })),
    refused('header with an unknown crit', 'J-10', plus({ crit: ['later'], later: 1 })),
    refused('header with b64', 'J-10', plus({ b64: true, crit: ['b64'] })),
    refused('header with zip', 'J-12', plus({ zip: 'DEF' })),
    refused('unknown kid', 'J-05', headerText('at+jwt', { ...es256, keyId: 'unknown' }), 'unknown_key'),
    refused('kid that climbs', 'J-05', headerText('at+jwt', { ...es256, keyId: '../../etc/passwd' })),
    refused('kid that injects', 'J-05', headerText('at+jwt', { ...es256, keyId: "' or 1=1 --" })),
    refused('kid of 10 kB', 'J-05', headerText('at+jwt', { ...es256, keyId: 'x'.repeat(10_000) }), 'too_large'),
    refused('no kid', 'J-05', '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256"}'),
    refused(
      'members in another order',
      'F-02',
      '{"alg":"ES256","typ":"at+jwt","prd":"astrolabe","kid":"test-es256"}',
      'unknown_type',
      true,
    ),
    refused('another product', 'F-02', '{"typ":"at+jwt","prd":"sextant","alg":"ES256","kid":"test-es256"}', 'unknown_type'),
    refused(
      'duplicate header member',
      'J-10',
      '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256","kid":"x","kid":"test-es256"}',
      'malformed',
      true,
    ),
    refused('header with a space', 'J-10', header.replace(',"kid"', ', "kid"'), 'malformed', true),
    refused('header with __proto__', 'J-10', header.replace('}', ',"__proto__":{}}')),
    refused('header that is not UTF-8', 'J-10', Buffer.concat([Buffer.from(header.slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])])),
  ];
}

function typesMixed(): Invalid[] {
  const pairs = types.flatMap((one) => types.filter((other) => other !== one).map((other) => [one, other] as const));
  return [
    ...pairs.map(
      ([is, type]): Invalid => ({
        name: `${is} as ${type}`,
        covers: 'J-06',
        type,
        code: 'unknown_type',
        value: signValue(is, samples[is]),
      }),
    ),
    ...['JWT', 'application/at+jwt', 'AT+JWT'].map(
      (typ): Invalid => ({
        name: `typ ${typ}`,
        covers: 'J-06',
        type: 'at+jwt',
        code: 'unknown_type',
        value: signValue(typ, standardClaims),
        ...(typ !== 'JWT' && { strictOnly: true }),
      }),
    ),
    {
      name: 'agent claims in an access token',
      covers: 'J-06',
      type: 'at+jwt',
      code: 'bad_claims',
      value: signValue('at+jwt', agentClaims),
    },
    {
      name: 'access claims in an agent token',
      covers: 'J-06',
      type: 'agent+jwt',
      code: 'bad_claims',
      value: signValue('agent+jwt', standardClaims),
    },
  ];
}

function claims(): Invalid[] {
  const refused = (name: string, covers: string, code: VerificationCode, all: object): Invalid => ({
    name,
    covers,
    type: 'at+jwt',
    code,
    value: signValue('at+jwt', all),
  });
  const bad = (name: string, covers: string, change: object) => refused(name, covers, 'bad_claims', { ...standardClaims, ...change });
  return [
    refused('another issuer', 'J-07', 'wrong_issuer', { ...standardClaims, iss: 'https://other.example' }),
    refused('issuer with a slash more', 'J-07', 'wrong_issuer', { ...standardClaims, iss: `${support.issuer}/` }),
    refused('audience of another Deployment', 'J-07', 'wrong_audience', {
      ...standardClaims,
      aud: ['deployment:cm0dep0000000000000000002'],
    }),
    refused('audience of another Deployment, as text', 'J-07', 'wrong_audience', {
      ...standardClaims,
      aud: 'deployment:cm0dep0000000000000000002',
    }),
    refused('ended', 'J-08', 'expired', { ...standardClaims, exp: seconds - 30 }),
    refused('not begun', 'J-08', 'not_yet_valid', { ...standardClaims, nbf: seconds + 31 }),
    refused('issued in the future', 'J-08', 'not_yet_valid', { ...standardClaims, iat: seconds + 31 }),
    ...['iat', 'nbf', 'exp'].flatMap((name) =>
      [String(seconds), seconds + 0.5, -1, 253_402_300_800, null].map((value) =>
        bad(`${name} ${JSON.stringify(value)}`, 'J-08', { [name]: value }),
      ),
    ),
    refused('direct access token without exp', 'J-08', 'bad_claims', { ...directClaims, exp: undefined }),
    ...['iss', 'sub', 'aud', 'iat', 'nbf', 'jti', 'client_id', 'apiTokenId', 'org_id', 'permissions', 'kind'].map((name) =>
      refused(`no ${name}`, 'J-09', 'bad_claims', without(name)),
    ),
    bad('no audience in the list', 'J-09', { aud: [] }),
    bad('sub and client_id differ', 'J-09', { client_id: 'cm0tok0000000000000000002' }),
    bad('jti of another length', 'J-09', { jti: 'AAECAw' }),
    bad('unknown kind', 'J-09', { kind: 'ROOT' }),
    bad('standard token with grants', 'J-09', { grants: directClaims.grants }),
    refused('grants with an unknown member', 'J-16', 'bad_claims', {
      ...directClaims,
      grants: { ...directClaims.grants, onlyFrom: '10.0.0.0/8' },
    }),
  ];
}

function encodings(): Invalid[] {
  const refused = (name: string, value: string, strict = true): Invalid => ({
    name,
    covers: 'J-10',
    type: 'at+jwt',
    code: 'malformed',
    value,
    ...(strict && { strictOnly: true }),
  });
  const spelled = (text: string | Uint8Array) => signParts(header, text);
  const lastBits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const otherLast = lastBits[lastBits.indexOf(goodSignature.at(-1) ?? '') + 1];
  return [
    refused('duplicate claim', spelled(payload.replace('{', '{"kind":"DIRECT_ACCESS",'))),
    refused('duplicate claim by an escape', spelled(payload.replace('{', '{"\\u006bind":"DIRECT_ACCESS",'))),
    refused('claims with __proto__', spelled(payload.replace('{', '{"__proto__":{"exp":1},'))),
    refused('claims with constructor', spelled(payload.replace('{', '{"constructor":{"prototype":{}},'))),
    refused('claims with a space', spelled(payload.replace(':', ': '))),
    refused('claims after a byte order mark', spelled(`\ufeff${payload}`)),
    refused('claims and more', spelled(`${payload}{}`), false),
    refused('claims that are a list', spelled(`[${payload}]`), false),
    refused('claims that are not JSON', spelled('hello'), false),
    refused(
      'claims that are not UTF-8',
      spelled(Buffer.concat([Buffer.from(payload.slice(0, -2)), Buffer.from([0xc3, 0x28, 0x22, 0x7d])])),
      false,
    ),
    refused('iat written 1.795e9', spelled(payload.replace(/"iat":\d+/, '"iat":1.795e9'))),
    refused('half a character', spelled(payload.replace('"iss":"', '"x":"\\ud800","iss":"'))),
    refused('padding', `${good}==`),
    refused('space at the end', `${good} `),
    refused('line feed at the end', `${good}\n`),
    refused('space inside', `${goodHead}.${goodBody.slice(0, 8)} ${goodBody.slice(8)}.${goodSignature}`, false),
    refused('another spelling of the last character', good.slice(0, -1) + otherLast),
    refused('a fourth segment', `${good}.AAAA`, false),
    refused('two segments', `${goodHead}.${goodBody}`, false),
    {
      name: 'too long',
      covers: 'F-04',
      type: 'at+jwt',
      code: 'too_large',
      value: signValue('at+jwt', { ...standardClaims, iss: 'x'.repeat(4000) }),
    },
    {
      name: 'encrypted',
      covers: 'J-12',
      type: 'at+jwt',
      code: 'malformed',
      value: `${encode('{"alg":"dir","enc":"A256GCM"}')}..AAAA.AAAA.AAAA`,
    },
    { name: 'empty', covers: 'J-10', type: 'at+jwt', code: 'malformed', value: '' },
  ];
}

function signatures(): Invalid[] {
  const refused = (name: string, covers: string, value: string): Invalid => ({
    name,
    covers,
    type: 'at+jwt',
    code: 'bad_signature',
    value,
  });
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const pair = (r: bigint, s: bigint) => encode(Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex'));
  const [edHead, edBody, edSignature = ''] = signValue('at+jwt', standardClaims, eddsa).split('.');
  const edBytes = Buffer.from(edSignature, 'base64url');
  const scalar =
    BigInt(`0x${Buffer.from(edBytes.subarray(32)).reverse().toString('hex')}`) + 2n ** 252n + 27742317777372353535851937790883648493n;
  const shifted = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
  const [rsaHead, rsaBody] = signValue('at+jwt', standardClaims, rs256).split('.');
  const der = sign('sha256', Buffer.from(`${goodHead}.${goodBody}`), es256.privateKey);
  return [
    refused('signed by another key', 'F-02', signParts(header, payload, otherEs256)),
    refused('claims changed after signing', 'F-02', `${goodHead}.${encode(payload.replace('STANDARD', 'DIRECT_ACCESS'))}.${goodSignature}`),
    refused('ES256 r = s = 0', 'J-11', `${goodHead}.${goodBody}.${pair(0n, 0n)}`),
    refused('ES256 r = s = 1', 'J-11', `${goodHead}.${goodBody}.${pair(1n, 1n)}`),
    refused('ES256 r = s = n', 'J-11', `${goodHead}.${goodBody}.${pair(order, order)}`),
    refused('ES256 in DER', 'J-11', `${goodHead}.${goodBody}.${encode(der)}`),
    refused('Ed25519 S + L', 'J-11', `${edHead}.${edBody}.${encode(Buffer.concat([edBytes.subarray(0, 32), shifted]))}`),
    refused('Ed25519 R of small order', 'J-11', `${edHead}.${edBody}.${encode(Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]))}`),
    refused('RS256 of zero', 'J-11', `${rsaHead}.${rsaBody}.${encode(Buffer.alloc(256))}`),
    refused('a signature one byte short', 'J-11', `${goodHead}.${goodBody}.${encode(Buffer.from(goodSignature, 'base64url').subarray(1))}`),
  ];
}

function made(type: SignedType, content: object, key = es256) {
  const jtiHash = 'jti' in content ? { jtiHash: hashJti(String(content.jti)) } : {};
  return { type, value: signValue(type, content, key), payload: content, ...jtiHash };
}

function without(name: string) {
  return Object.fromEntries(Object.entries(standardClaims).filter(([each]) => each !== name));
}

function write(file: string, content: object): void {
  writeFileSync(new URL(file, import.meta.url), `${JSON.stringify(content, undefined, 2)}\n`);
}
