/** Who did something, in the words of the wire. */
import type { BasicSubjectProfile } from '@astrolabe/contract';
import type { Principal } from '../deps.ts';
import type { Db } from '../store/open.ts';
import type { SubjectType } from '../store/schema.ts';
import { listTokenNames, listUserNames, type SubjectReference } from '../store/subjects.ts';

/** A row that remembers who made it and who touched it last. */
export interface Stamped {
  readonly createdBy: string;
  readonly createdByType: SubjectType;
  readonly updatedBy: string;
  readonly updatedByType: SubjectType;
}

/** Finds the profile of whoever made or touched one of the rows it was loaded for. */
export type Profiles = (subject: SubjectReference) => BasicSubjectProfile;

/** Two queries for all rows of an answer, however many there are. */
export async function loadProfiles(db: Db, organizationId: string, rows: readonly Stamped[]): Promise<Profiles> {
  const subjects = rows.flatMap((row) => [creatorOf(row), updaterOf(row)]);
  const idsOf = (type: SubjectType): string[] => [...new Set(subjects.filter((s) => s.type === type).map((s) => s.id))];
  const profiles = new Map<string, BasicSubjectProfile>();
  for (const { id, name } of await listTokenNames(db, organizationId, idsOf('SERVICEKEY'))) {
    profiles.set(id, { id, subjectType: 'SERVICEKEY', apiTokenName: name });
  }
  for (const { id, username, fullName } of await listUserNames(db, organizationId, idsOf('USER'))) {
    profiles.set(id, { id, subjectType: 'USER', username, fullName, avatarUrl: '' });
  }
  return ({ id, type }) => profiles.get(id) ?? (type === 'SYSTEM' ? { id, fullName: 'Astrolabe' } : { id, subjectType: type });
}

export const creatorOf = (row: Stamped): SubjectReference => ({ id: row.createdBy, type: row.createdByType });

export const updaterOf = (row: Stamped): SubjectReference => ({ id: row.updatedBy, type: row.updatedByType });

/** The columns that say who made a new row, and when. */
export const createdStamps = (actor: Principal, at: number) => ({
  createdAt: at,
  createdBy: actor.id,
  createdByType: actor.subjectType,
  ...updatedStamps(actor, at),
});

/** The columns that say who touched a row last, and when. */
export const updatedStamps = (actor: Principal, at: number) => ({ updatedAt: at, updatedBy: actor.id, updatedByType: actor.subjectType });
