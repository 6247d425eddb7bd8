/** What every list has in common: paging, sorting, repeated keys. */
import { z } from 'zod';
import { textUpTo } from './ids.ts';

/** Query of every list: an offset past the end is an empty page. */
export const paging = {
  offset: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('How many entries to skip.'),
  limit: z.coerce.number().int().min(0).max(1000).default(20).describe('How many entries to answer at most.'),
};

/** The same for a list that can be asked for ids: without a limit, whoever names ids gets all of them. */
export const pagingOrIds = {
  offset: paging.offset,
  limit: paging.limit.unwrap().exactOptional().describe('How many entries to answer at most. Absent: 20, or as many as ids were given.'),
};

/** What a list answers beside its entries. */
export const pageMembers = {
  limit: z.int().min(0),
  offset: z.int().min(0),
  totalCount: z.int().min(0).describe('How many entries there are in all that the caller may see.'),
};

/** One entry of `sorts`. */
export interface Sort<F extends string = string> {
  readonly field: F;
  readonly direction: 'asc' | 'desc';
}

/** `sorts=name:asc&sorts=createdAt:desc` over the fields an endpoint can sort by; absent is an empty list. */
export function sortsBy<F extends string>(fields: readonly F[]) {
  const values = fields.flatMap((field) => [`${field}:asc` as const, `${field}:desc` as const]);
  const item = z.enum(values).transform((value): Sort<F> => {
    const [field, direction] = value.split(':') as [F, 'asc' | 'desc']; // the enum allows nothing else
    return { field, direction };
  });
  return repeated(item, 2 * fields.length)
    .default([])
    .describe('Order of the entries, most important first.');
}

/** A key that may come once, then it arrives as a string, or several times. */
export function repeated<T extends z.ZodType>(item: T, maxLength = 1000) {
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(item).max(maxLength));
}

/** `ids=a&ids=b`: exact values to filter by. */
export const filterValues = repeated(textUpTo(500).min(1));

/** `true` or `false` in a query. */
export const queryBoolean = z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' }).meta({ type: 'boolean' });
