/**
 * A raw request target taken apart and put together again.
 *
 * Airflow's server decodes percent escapes before it routes: `/api/v2/dags/a%2FdagRuns` is the run list of Dag `a` there,
 * and a URL parser would see one odd segment, or resolve `..` that Airflow does not. So nothing here is lenient: what two
 * readers could read differently is refused, and Airflow gets what `encodePath` and `encodeValue` write, never what came in.
 */

export interface Target {
  /** Segments of the path, each decoded exactly once; none is empty, `.` or `..`, save that a trailing `/` leaves an empty last one. */
  readonly segments: readonly string[];
  /** Index of the first segment that came with an encoded `/`; Infinity when none did. Only path-style keys may hold one. */
  readonly slashAt: number;
  /** What follows the first `?`, not decoded; empty when there is none. */
  readonly query: string;
}

/** Why a target is not read at all: one public sentence that quotes nothing of it. */
export interface Refusal {
  readonly refused: string;
}

const bad = 0;
const unreserved = 1; // RFC 3986 §2.3: means the same encoded and not, so it is never encoded
const printable = 2;
const percent = 3;
const slash = 4;
const question = 5;

/** What each ASCII character is to a target. Everything above 127 has to come encoded. */
const kinds: Uint8Array = (() => {
  const table = new Uint8Array(128).fill(printable);
  table.fill(bad, 0, 0x21);
  for (const character of '\x7f#\\') table[character.charCodeAt(0)] = bad;
  for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') table[character.charCodeAt(0)] = unreserved;
  table[0x25] = percent;
  table[0x2f] = slash;
  table[0x3f] = question;
  return table;
})();

/** Reads a request target in origin form; costs one pass over it. */
export function parseTarget(raw: string): Target | Refusal {
  if (raw.charCodeAt(0) !== 0x2f) return { refused: 'The request target must be a path that starts with one slash.' };
  const segments: string[] = [];
  let slashAt = Number.POSITIVE_INFINITY;
  let start = 1;
  let isPlain = true; // the segment holds unreserved characters only
  for (let at = 1; at <= raw.length; at++) {
    const kind = at === raw.length ? question : (kinds[raw.charCodeAt(at)] ?? bad);
    if (kind === unreserved) continue;
    if (kind === bad) return { refused: 'The request target holds a character that must be percent-encoded or left out.' };
    if (kind === printable || kind === percent) {
      isPlain = false;
      continue;
    }
    if (at === start && kind === slash) return { refused: 'The path holds an empty segment.' };
    const segment = isPlain ? raw.slice(start, at) : decodeSegment(raw.slice(start, at));
    if (typeof segment !== 'string') return segment;
    if (segment === '.' || segment === '..') return { refused: 'The path holds a dot segment.' };
    if (!isPlain && slashAt > segments.length && segment.includes('/')) slashAt = segments.length;
    segments.push(segment);
    if (kind === question) return readQuery(raw, at, { segments, slashAt });
    start = at + 1;
    isPlain = true;
  }
  return { refused: 'The request target must be a path.' }; // not reached: the loop ends at the end of the target
}

function readQuery(raw: string, end: number, path: Pick<Target, 'segments' | 'slashAt'>): Target | Refusal {
  for (let at = end + 1; at < raw.length; at++) {
    if ((kinds[raw.charCodeAt(at)] ?? bad) === bad) {
      return { refused: 'The query holds a character that must be percent-encoded or left out.' };
    }
  }
  return { ...path, query: raw.slice(end + 1) };
}

/** Decodes once. What would still mean something to a second reader is refused, and so is a `..` between encoded slashes. */
function decodeSegment(encoded: string): string | Refusal {
  const segment = decode(encoded);
  if (segment === undefined) return { refused: 'The path holds a percent escape that is not UTF-8.' };
  if (hasControl(segment) || /[\\%;?#]/.test(segment))
    return { refused: 'The path holds an encoded character that is not accepted there.' };
  if (segment.includes('/') && segment.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return { refused: 'The path holds a dot segment or an empty one.' };
  }
  return segment;
}

/** Reads a query as Airflow does: `&` separates, `+` is a space, names are decoded too. */
export function parseQuery(query: string): readonly (readonly [name: string, value: string])[] | Refusal {
  const pairs: [string, string][] = [];
  for (const piece of query.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = decode((equals < 0 ? piece : piece.slice(0, equals)).replaceAll('+', ' '));
    const value = decode(equals < 0 ? '' : piece.slice(equals + 1).replaceAll('+', ' '));
    if (name === undefined || value === undefined) return { refused: 'The query holds a percent escape that is not UTF-8.' };
    if (hasControl(name) || hasControl(value)) return { refused: 'The query holds a control character.' };
    pairs.push([name, value]);
  }
  return pairs;
}

/** The one way to write these segments. A `/` inside one is only ever part of a path-style key, where it separates. */
export function encodePath(segments: readonly string[]): string {
  let path = '';
  for (const segment of segments) path += isUnreserved(segment) ? `/${segment}` : `/${encodeValue(segment).replaceAll('%2F', '/')}`;
  return path;
}

/** Encodes everything but unreserved characters. */
export function encodeValue(value: string): string {
  if (isUnreserved(value)) return value;
  return encodeURIComponent(value).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Undefined for a bad escape, for overlong UTF-8 and for encoded surrogates. */
function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function isUnreserved(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (kinds[text.charCodeAt(at)] !== unreserved) return false;
  }
  return true;
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
