import type { IncomingMessage } from 'node:http';
import { detectionPattern } from '@astrolabe/verify';

/** What a request brought to say who it is. Empty text: a credential, but none of a form that could be ours. */
export type Credential = { readonly bearer?: string } | 'several_credentials' | 'credential_in_url';

/** Our values are longer than this, so that a shorter target needs no search. */
const shortestValue = 200;

/**
 * Finds the one credential of a request.
 *
 * A second one is refused, and one in the URL (F-07, F-08), before anything is decided: proxies and logs on the way have
 * seen the target, and two readers might pick different headers.
 *
 * @param rawHeaders names and values in turn, as they came
 */
export function readCredential(rawHeaders: readonly string[], target: string): Credential {
  if (holdsCredential(target)) return 'credential_in_url';
  let found: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue;
    if (found !== undefined) return 'several_credentials';
    found = rawHeaders[index + 1] ?? '';
  }
  if (found === undefined || found === '') return {};
  if (found.includes(',')) return 'several_credentials'; // two headers that something on the way made one of
  return { bearer: found.slice(0, 7).toLowerCase() === 'bearer ' ? found.slice(7).trim() : '' };
}

/**
 * Whether a token may come this way (F-09): from the machine itself, or over TLS that a proxy in front ended. A token that
 * crossed a network in clear is refused and not redirected, so that nobody gets used to it.
 *
 * @param trustProxy whether the proxy in front is believed about `X-Forwarded-Proto`
 */
export function isPrivateTransport(request: Arrived, trustProxy: boolean): boolean {
  const protocol = trustProxy ? request.headers['x-forwarded-proto'] : undefined;
  if (protocol !== undefined) return protocol === 'https';
  return isLoopback(request);
}

/** C-05: from this machine, and not through a proxy on it, which would make everybody look local. */
export function isDirectLoopback(request: Arrived): boolean {
  const { 'x-forwarded-for': forwardedFor, forwarded } = request.headers;
  return forwardedFor === undefined && forwarded === undefined && isLoopback(request);
}

/** What is looked at of a request to tell where it came from. */
type Arrived = Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly remoteAddress?: string | undefined } };

const isLoopback = ({ socket }: Arrived): boolean => /^(?:127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '');

function holdsCredential(target: string): boolean {
  const text = target.includes('%') ? decoded(target) : target;
  if (text.includes('access_token=')) return true;
  return text.length >= shortestValue && detectionPattern.test(text);
}

function decoded(target: string): string {
  try {
    return decodeURIComponent(target);
  } catch {
    return target; // not well formed: refused later, as a target
  }
}
