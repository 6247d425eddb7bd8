/** Where and what this program is. */
import { join } from 'node:path';

/** Set by `build.ts` from `package.json`; without a bundle, as in tests, there is no number. */
declare const ASTRO_VERSION: string | undefined;

export const version = typeof ASTRO_VERSION === 'undefined' ? '0.0.0' : ASTRO_VERSION;

/** The server's own program that makes an owner token. The bundle lies as deep as this file. */
export const ownerTokenProgram = join(import.meta.dirname, '..', '..', 'server', 'src', 'owner-token.ts');
