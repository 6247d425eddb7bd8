import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

const snapshot = join(import.meta.dirname, '../../../../docs/reference/openapi.json');

let server: TestServer;
let document: { [member: string]: Record<string, Record<string, { operationId: string }>> };
beforeAll(async () => {
  server = await startTestServer();
  const answer = await server.app.inject({ method: 'GET', url: '/spec/v1.0' });
  expect(answer.headers['content-type']).toContain('application/json');
  document = answer.json();
});
afterAll(() => server.close());

describe('the OpenAPI document', () => {
  test('is the committed one', () => {
    expect(document, 'The API changed. Bring docs/reference/openapi.json up to date with `node scripts/openapi.ts --write`.').toEqual(
      JSON.parse(readFileSync(snapshot, 'utf8')),
    );
  });

  test('is version 3.1, needs no credential, and describes /v1 once', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/v1' }] });
    const paths = Object.keys(document.paths ?? {});
    expect(paths).toContain('/organizations/{organizationId}/tokens/{tokenId}/rotate');
    for (const path of paths) expect(path).toMatch(/^\/organizations/);
  });

  test('refers to what is there, and nothing there is never referred to', () => {
    const text = JSON.stringify(document);
    const references = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]));
    expect([...references].sort()).toEqual(Object.keys(document.components?.schemas ?? {}).sort());
  });

  test('names every operation, each by its own name', () => {
    const names = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path).map((operation) => operation.operationId));
    for (const name of names) expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(new Set(names).size).toBe(names.length);
  });
});
