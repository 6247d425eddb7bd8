import type { App } from '../routing.ts';

/** Existing clients rotate with no body, some with an empty one that claims to be JSON: both mean an empty object. */
export function registerBodies(app: App): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = String(body);
    if (text.trim() === '') return done(null, {});
    try {
      done(null, JSON.parse(text, dropPrototypeNames));
    } catch (cause) {
      done(Object.assign(new Error('not JSON', { cause }), { code: 'FST_ERR_CTP_INVALID_JSON_BODY' }));
    }
  });
  app.addHook('preValidation', async (request) => {
    if (request.method === 'POST') request.body ??= {};
  });
}

/** `__proto__` as an own member would survive JSON.parse and surprise a later merge; schemas then refuse what is left. */
function dropPrototypeNames(this: unknown, name: string, value: unknown): unknown {
  if (name === '__proto__') throw new SyntaxError('__proto__ is not a member name');
  return value;
}
