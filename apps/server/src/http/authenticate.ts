/** One credential in, one principal out. Every route says with `config.access` who may come in. */
import {
  checkClaims,
  createSignatureCache,
  detectionPattern,
  type SignatureCache,
  type SignedToken,
  type TokenType,
  VerificationError,
} from '@astrolabe/verify';
import type { FastifyRequest } from 'fastify';
import type { Deps, Principal } from '../deps.ts';
import { Problem } from '../problem.ts';
import type { App } from '../routing.ts';
import { findEndedAgent, findPrincipal } from '../tokens/principal.ts';
import { addressOf, isLoopback } from './address.ts';

/** `public`: anybody. `signed-in`: an access token. `agent`: the agent token of a gateway, good for nothing else. */
export type Access = 'public' | 'signed-in' | 'agent';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** The caller; on `public` routes there is none and reading it throws. */
    principal: Principal;
  }
}

const principals = new WeakMap<FastifyRequest, Principal>();

/** The caller if it is known already: on public routes and before the check there is none. */
export const findPrincipalOf = (request: FastifyRequest): Principal | undefined => principals.get(request);

/** Registers the check. A route without `access` stops the start-up: a forgotten one must not be open. */
export function registerAuthentication(app: App, deps: Deps): void {
  app.decorateRequest('principal', {
    getter() {
      const principal = principals.get(this);
      if (!principal) throw new Error('this route has no principal');
      return principal;
    },
  });
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${String(route.method)} ${route.url} does not say who may call it`);
  });
  const signatures = createSignatureCache(deps.signingKeys.tokenKeys);
  const authenticator = createAuthenticator(deps, signatures);
  app.addHook('onRequest', async (request) => {
    refuseCredentialInUrl(request, deps, signatures);
    const access = request.routeOptions.config.access;
    if (request.is404 || access === undefined || access === 'public') return;
    refuseInsecureTransport(request, deps);
    principals.set(request, await authenticator(request, access));
  });
}

/** F-07: whatever stands in a URL ends in logs and histories. If the value is ours, the audit trail hears of it. */
function refuseCredentialInUrl(request: FastifyRequest, deps: Deps, signatures: SignatureCache): void {
  const url = decoded(request.url);
  const value = detectionPattern.exec(url)?.[0];
  if (value === undefined && !/[?&]access_token=/i.test(url)) return;
  const verified = (type: TokenType) => (value === undefined ? undefined : verifiedOrUndefined(signatures, value, type));
  const signed = verified('at+jwt') ?? verified('agent+jwt');
  if (signed) deps.refusedUses.note(signed.jtiHash, 'url', comingFrom(request));
  throw new Problem('credential_in_url', 'Send the token in the Authorization header, and rotate this one: URLs are logged.');
}

function decoded(url: string): string {
  try {
    return url.includes('%') ? decodeURIComponent(url) : url;
  } catch {
    return url; // what cannot be decoded reaches no route
  }
}

/** F-09: a token that crossed a network in clear is not accepted, so that nobody gets used to it. */
function refuseInsecureTransport(request: FastifyRequest, deps: Deps): void {
  if (request.protocol === 'https') return;
  const { 'x-forwarded-proto': forwardedProto, 'x-forwarded-for': forwardedFor } = request.headers;
  const cameThroughProxy = deps.config.trustProxy && (forwardedProto !== undefined || forwardedFor !== undefined);
  if (isLoopback(request) && !cameThroughProxy) return;
  throw new Problem('insecure_transport');
}

function createAuthenticator(deps: Deps, signatures: SignatureCache): (request: FastifyRequest, access: Access) => Promise<Principal> {
  return async (request, access) => {
    const signed = verifiedOrUndefined(signatures, readBearer(request), access === 'agent' ? 'agent+jwt' : 'at+jwt');
    if (!signed) throw new Problem('invalid_token');
    const from = comingFrom(request);
    const principal = areClaimsGood(signed, deps) ? await findCaller(deps, signed, access, from) : undefined;
    const home = principal && `${principal.homeScope.toLowerCase()}:${principal.homeEntityId}`;
    if (!principal || principal.id !== signed.claims.sub || !signed.claims.aud.includes(home ?? '')) {
      deps.refusedUses.note(signed.jtiHash, 'header', from);
      throw new Problem('invalid_token');
    }
    deps.lastUse.note(principal, principal.address);
    return principal;
  };
}

const comingFrom = (request: FastifyRequest) => ({ requestId: request.id, address: addressOf(request) });

async function findCaller(deps: Deps, { jtiHash }: SignedToken, access: Access, from: ReturnType<typeof comingFrom>) {
  const principal = await findPrincipal(deps.read, jtiHash, from, deps.now());
  return principal ?? (access === 'agent' ? findEndedAgent(deps.read, jtiHash, from) : undefined);
}

function verifiedOrUndefined(signatures: SignatureCache, value: string, type: TokenType): SignedToken | undefined {
  try {
    return signatures.verify(value, type);
  } catch (error) {
    if (error instanceof VerificationError) return undefined;
    throw error;
  }
}

function areClaimsGood({ claims }: SignedToken, deps: Deps): boolean {
  try {
    checkClaims(claims, { issuers: deps.issuers, audiences: claims.aud, nowMs: deps.now(), maxSkewSeconds: 30 });
    return true;
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
}

function readBearer(request: FastifyRequest): string {
  const header = request.headers.authorization;
  if (header === undefined) throw new Problem('credential_missing', 'Send `Authorization: Bearer <token>`.');
  const names = request.raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization');
  if (names.length > 1) throw new Problem('several_credentials');
  const bearer = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
  if (!bearer) throw new Problem('invalid_token');
  return bearer;
}
