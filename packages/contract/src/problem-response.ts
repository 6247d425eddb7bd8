import { z } from 'zod';
import { type ProblemCode, problems } from './problems.ts';

const codes = Object.keys(problems) as ProblemCode[]; // Object.keys widens to string

/** The one body of an error, as `problemBody` makes it (RFC 9457), with what existing clients read after `code`. */
export const ProblemResponse = z
  .object({
    type: z.string().describe('Address of the page that explains it.'),
    title: z.string(),
    status: z.int(),
    code: z.enum(codes),
    detail: z.string().exactOptional(),
    requestId: z.string(),
    message: z.string(),
    statusCode: z.int(),
    fieldErrors: z
      .array(z.object({ code: z.string(), field: z.string(), message: z.string() }))
      .exactOptional()
      .describe('On a request that is not valid: one entry for each rule that was broken.'),
  })
  .meta({ id: 'Problem' });
