import { z } from 'zod';

/** Who did something: a person, or a token (`SERVICEKEY`). */
export const BasicSubjectProfile = z
  .object({
    id: z.string(),
    subjectType: z.enum(['USER', 'SERVICEKEY']).exactOptional(),
    username: z.string().exactOptional().describe('Of a person only.'),
    fullName: z.string().exactOptional().describe('Of a person only.'),
    avatarUrl: z.string().exactOptional().describe('Of a person only.'),
    apiTokenName: z.string().exactOptional().describe('Of a token only.'),
  })
  .meta({ id: 'BasicSubjectProfile' });
export type BasicSubjectProfile = z.infer<typeof BasicSubjectProfile>;
