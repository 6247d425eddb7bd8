/** Which server a command talks to. A token goes to a host that somebody named, or to this machine. */
import { CliError } from './exit.ts';

export interface AddressSources {
  readonly apiUrl?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * `--api-url`, then `ASTRO_API_URL`, then `ASTRO_DOMAIN` (`localhost` is `http://localhost:8888`, another is
 * `https://api.<domain>`), then `http://localhost:8888`. Without a slash at the end and without `/v1`.
 *
 * @throws CliError for anything that is not an http or https address, and for plain http to another machine:
 *   the server refuses tokens that come that way (F-09), but by then they have been read on the way
 */
export function serverAddress({ apiUrl, env }: AddressSources): string {
  if (apiUrl) return confidential(parseAddress(apiUrl, '--api-url'));
  if (env.ASTRO_API_URL) return confidential(parseAddress(env.ASTRO_API_URL, 'ASTRO_API_URL'));
  const domain = env.ASTRO_DOMAIN;
  if (!domain || domain === 'localhost') return 'http://localhost:8888';
  if (/^[a-z0-9.-]+(:\d+)?$/i.test(domain)) return parseAddress(`https://api.${domain}`, 'ASTRO_DOMAIN');
  throw new CliError(
    `ASTRO_DOMAIN is not a domain: ${domain}`,
    'Set it to a bare name such as astro.example.com, or set ASTRO_API_URL to an address.',
  );
}

/**
 * An http or https address without anything that does not belong into one, and without a slash at the end.
 *
 * @param source the flag or variable it came from, for the message
 */
export function parseAddress(text: string, source: string): string {
  const url = URL.parse(text);
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && !url.search && !url.hash && !url.username && !url.password) {
    return url.origin + url.pathname.replace(/\/+$/, '');
  }
  const shown = url?.username || url?.password ? 'it holds a user name or password' : text;
  const example = `${source}${source.startsWith('--') ? ' ' : '='}https://astro.example.com`;
  throw new CliError(`${source} is not an http or https address: ${shown}`, `Give it like this: ${example}`);
}

function confidential(address: string): string {
  const { protocol, hostname, origin } = new URL(address);
  if (protocol === 'https:' || isLoopback(hostname)) return address.replace(/\/v1$/, '');
  throw new CliError(
    `a token would cross the network unencrypted on its way to ${origin}`,
    `Name an https address, or bring the server to this machine: ssh -L 8888:127.0.0.1:8888 ${hostname}, then --api-url http://localhost:8888`,
  );
}

/** Whether the host can only be this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
