import type { App } from '../routing.ts';

/** Existing clients rotate with no body, some with an empty one that claims to be JSON: both mean an empty object. */
export function registerBodies(app: App): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = String(body);
    if (text.trim() === '') return done(null, {});
    try {
      // An own `__proto__` survives and is refused by the strict schemas like every unknown member. A reviver that
      // refused it here would make a megabyte of small objects ten times as expensive, for everybody (H-08).
      done(null, JSON.parse(text));
    } catch (cause) {
      done(Object.assign(new Error('not JSON', { cause }), { code: 'FST_ERR_CTP_INVALID_JSON_BODY' }));
    }
  });
  app.addHook('preValidation', async (request) => {
    if (request.method === 'POST') request.body ??= {};
  });
}
