/** The file in the data folder that holds an Organization Owner token, so that whoever owns the folder gets in. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VerificationError, verifySignedToken } from '@astrolabe/verify';
import type { Deps } from './deps.ts';
import { findLiveToken } from './store/principals.ts';

/** A mistake made once ends by itself. */
export const ownerTokenDays = 30;

/** What is known about the stored owner token; `none`: there is no file, or nothing in it that still works. */
export type OwnerTokenLife = { readonly file: string } & (
  | { readonly state: 'live'; readonly tokenId: string; readonly endsAt: number | undefined }
  | { readonly state: 'none' }
);

const ownerTokenFile = (config: Pick<Deps['config'], 'dataDir'>): string => join(config.dataDir, 'owner-token');

/** Replaces the file as a whole, readable by its owner alone, however it was before. */
export function writeOwnerToken(config: Pick<Deps['config'], 'dataDir'>, value: string): string {
  const file = ownerTokenFile(config);
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${value}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
  return file;
}

/** How long the token in the file still lives; said at every start (C-04). */
export async function readOwnerTokenLife(deps: Pick<Deps, 'config' | 'read' | 'signingKeys' | 'now'>): Promise<OwnerTokenLife> {
  const file = ownerTokenFile(deps.config);
  const jtiHash = existsSync(file) ? hashOf(readFileSync(file, 'utf8').trim(), deps) : undefined;
  const live = jtiHash === undefined ? undefined : await findLiveToken(deps.read, jtiHash, deps.now());
  if (!live) return { file, state: 'none' };
  return { file, state: 'live', tokenId: live.token.id, endsAt: live.valueEndsAt ?? undefined };
}

function hashOf(value: string, { signingKeys }: Pick<Deps, 'signingKeys'>): string | undefined {
  try {
    return verifySignedToken(value, signingKeys.tokenKeys, 'at+jwt').jtiHash;
  } catch (error) {
    if (error instanceof VerificationError) return undefined;
    throw error;
  }
}
