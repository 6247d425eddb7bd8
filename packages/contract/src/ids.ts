/** Ids, names and other text that callers send. */
import { z } from 'zod';

const idPattern = /^c[0-9a-z]{24}$/;

/** An id that we made: a CUID of version 1, time-prefixed and in lower case. */
export const Id = z.string().regex(idPattern);

/** No id is ever made like this one, because its time would be the year 1970. */
const nobodysId = `c${'0'.repeat(24)}`;

/** An id in a path. One of another shape names nothing, so it ends in the same 404 as an unknown one, not in a 400. */
export const PathId = z.preprocess((value) => (typeof value === 'string' && idPattern.test(value) ? value : nobodysId), Id);

const storable = 'must be text without NUL and without lone surrogates';

/** Text that every database keeps as it is: no NUL, no half of a surrogate pair. */
export function textUpTo(maxLength: number): z.ZodString {
  return z.string().max(maxLength).refine(isStorable, storable);
}

/** What a caller calls a thing: trimmed, never empty. */
export function nameUpTo(maxLength: number): z.ZodString {
  return z.string().trim().min(1).max(maxLength).refine(isStorable, storable);
}

/** The id or name of something else. Whether there is such a thing is asked of the database, not of its shape. */
export const Reference = textUpTo(256).min(1);

/** Base address of a web server: http or https, without credentials, query or fragment. Slashes at its end are dropped. */
export const BaseUrl = z
  .string()
  .max(2048)
  .refine(isBaseUrl, 'must be an http or https address without credentials, query or fragment')
  .overwrite((text) => text.replace(/\/+$/, ''))
  .meta({ format: 'uri' });

/** An instant in UTC, RFC 3339. */
export const Instant = z.iso.datetime();

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}

function isBaseUrl(text: string): boolean {
  const url = /^https?:\/\/[!-~]+$/.test(text) && !/[?#\\]/.test(text) ? URL.parse(text) : null;
  return url !== null && url.username === '' && url.password === '';
}
