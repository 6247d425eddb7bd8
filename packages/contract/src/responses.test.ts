import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as contract from './index.ts';
import {
  AgentToken,
  ApiToken,
  IssuedAgentToken,
  IssuedToken,
  type ProblemCode,
  ProblemResponse,
  problemBody,
  problems,
  SubjectRoles,
  TokenList,
} from './index.ts';

const at = '2026-08-01T10:00:00Z';
const by = { id: 'cm0aaaaaaaaaaaaaaaaaaaaa9', subjectType: 'SERVICEKEY', apiTokenName: 'owner' } as const;
const token: ApiToken = {
  id: 'cm0aaaaaaaaaaaaaaaaaaaaa1',
  name: 'ci',
  description: '',
  scope: 'DEPLOYMENT',
  type: 'DEPLOYMENT',
  kind: 'STANDARD',
  shortToken: '0123abcd',
  roles: [{ entityType: 'DEPLOYMENT', entityId: 'cm0aaaaaaaaaaaaaaaaaaaaa0', role: 'DEPLOYMENT_ADMIN' }],
  startAt: at,
  createdAt: at,
  createdBy: by,
  updatedAt: '2026-08-01T10:00:00.123Z',
  updatedBy: by,
};
const withValue = { ...token, token: 'a.secret.value' };

describe('answers', () => {
  test('the published form of a token passes through unchanged', () => {
    expect(z.encode(ApiToken, token)).toEqual(token);
    expect(z.encode(IssuedToken, { ...withValue, previousEndsAt: at })).toEqual({ ...withValue, previousEndsAt: at });
    expect(z.encode(SubjectRoles, { organizationRole: 'ORGANIZATION_MEMBER' })).toEqual({ organizationRole: 'ORGANIZATION_MEMBER' });
  });

  test('a value slips into no answer but those of create and rotate', () => {
    const { kind: _, roles: __, ...rest } = withValue;
    const agent = { ...rest, kind: 'AGENT' as const };
    const answers = [
      z.encode(ApiToken, withValue),
      z.encode(AgentToken, agent),
      z.encode(TokenList, { tokens: [withValue], limit: 1, offset: 0, totalCount: 1 }),
    ];
    expect(JSON.stringify(answers)).not.toContain('secret');
    expect(z.encode(IssuedAgentToken, agent).token).toBe('a.secret.value');
  });

  test('every error body has the published form', () => {
    for (const code of Object.keys(problems) as ProblemCode[]) {
      const body = problemBody(code, { requestId: 'r', detail: 'd', fieldErrors: [{ code: 'c', field: 'f', message: 'm' }] });
      expect(ProblemResponse.parse(body)).toEqual(body);
      expect(ProblemResponse.safeParse(problemBody(code, { requestId: 'r' })).success).toBe(true);
    }
  });

  test('create and rotate without a value, and ids or times in another form, are our fault and not an answer', () => {
    expect(IssuedToken.safeParse(token).success).toBe(false);
    expect(ApiToken.safeParse({ ...token, id: 'token1' }).success).toBe(false);
    expect(ApiToken.safeParse({ ...token, endAt: '' }).success).toBe(false);
    expect(ApiToken.safeParse({ ...token, endAt: '2026-08-01 10:00' }).success).toBe(false);
  });
});

describe('schemas', () => {
  const schemas = Object.entries<unknown>(contract).filter((entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType);

  test.each(schemas)('%s can be published as JSON Schema, as input and as output', (_, schema) => {
    for (const io of ['input', 'output'] as const) expect(z.toJSONSchema(schema, { io, unrepresentable: 'any' })).toBeTypeOf('object');
  });

  test('every request body refuses unknown fields', () => {
    const bodies = schemas.filter(([name]) => /^(Create|Update|Set|Rotate)|^TokenRoles$|(Query|Params)$/.test(name));
    expect(bodies.length).toBeGreaterThan(18);
    for (const [name, schema] of bodies) {
      const issues = schema.safeParse({ nobodyKnowsThis: 1 }).error?.issues;
      expect(issues, name).toContainEqual(expect.objectContaining({ code: 'unrecognized_keys', keys: ['nobodyKnowsThis'] }));
    }
  });
});
