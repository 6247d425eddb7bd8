import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayEnrolment } from '@astrolabe/contract';
import type { Clock } from './clock.ts';

/** The file of `astrolabe gateway enrol`, and what its agent token says. */
export interface Enrolment extends GatewayEnrolment {
  readonly agentTokenId: string;
  /** RFC 7638 thumbprint of the feed key. */
  readonly feedKeyThumbprint: string;
}

/** What is wrong with the enrolment on disk, in one sentence that quotes no secret. */
export class EnrolmentError extends Error {
  override readonly name = 'EnrolmentError';
}

/** What to type where a gateway is not enrolled. */
export const enrolCommand = 'astrolabe gateway enrol --deployment-id <id> --airflow-url <url> --airflow-credential <file>';

const lookEveryMs = 500;

/** Folder of everything the gateway keeps. */
export const gatewayFolder = (dataFolder: string): string => join(dataFolder, 'gateway');
const enrolmentFile = (dataFolder: string): string => join(gatewayFolder(dataFolder), 'gateway.json');

/**
 * Makes the gateway's folder if it is not there, readable by its owner alone.
 *
 * @throws EnrolmentError when it cannot be made, or others can read it
 */
export function prepareFolder(dataFolder: string): void {
  const folder = gatewayFolder(dataFolder);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new EnrolmentError(`The folder ${folder} cannot be made: ${codeOf(error)}.`);
  }
  refuseReadableByOthers(dataFolder);
  refuseReadableByOthers(folder);
}

/**
 * Reads the enrolment; undefined when there is none.
 *
 * @throws EnrolmentError when others can read it, or it does not hold what `astrolabe gateway enrol` writes
 */
export function readEnrolment(dataFolder: string): Enrolment | undefined {
  const file = enrolmentFile(dataFolder);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new EnrolmentError(`The file ${file} cannot be read: ${codeOf(error)}.`);
  }
  refuseReadableByOthers(dataFolder);
  refuseReadableByOthers(gatewayFolder(dataFolder));
  refuseReadableByOthers(file);
  const enrolment = GatewayEnrolment.safeParse(parseJson(text));
  if (!enrolment.success) {
    const fields = enrolment.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
    throw new EnrolmentError(`The file ${file} is not a gateway's configuration (${fields}). Enrol again: ${enrolCommand}`);
  }
  for (const field of ['serverUrl', 'airflowUrl'] as const) {
    const { protocol } = URL.parse(enrolment.data[field]) ?? {};
    if (protocol !== 'http:' && protocol !== 'https:') throw new EnrolmentError(`${field} in ${file} is no http or https address.`);
  }
  if (isInClear(enrolment.data.serverUrl)) {
    throw new EnrolmentError(`serverUrl in ${file} is plain http to another machine: the agent token would cross the network in clear.`);
  }
  return { ...enrolment.data, ...readAgentToken(file, enrolment.data) };
}

/** F-09: http that leaves this machine. */
function isInClear(url: string): boolean {
  const { protocol, hostname = '' } = URL.parse(url) ?? {};
  return protocol === 'http:' && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/**
 * Calls `onChange` after every change of the enrolment: a new one, another one, none any more. One that cannot be used
 * goes to `onProblem` and changes nothing. Looks twice a second, which also sees a folder that was not there before and
 * misses nothing that happened before the first look.
 *
 * @param known what was read last
 * @returns what ends the watching
 */
export function watchEnrolment(
  dataFolder: string,
  known: Enrolment | undefined,
  clock: Clock,
  listen: { onChange: (enrolment: Enrolment | undefined) => void; onProblem: (problem: EnrolmentError) => void },
): () => void {
  let before = JSON.stringify(known);
  let seen: string | undefined;
  const look = (): void => {
    const stamp = stampOf(enrolmentFile(dataFolder));
    if (stamp === seen) return;
    seen = stamp;
    try {
      const enrolment = readEnrolment(dataFolder);
      const now = JSON.stringify(enrolment);
      if (now === before) return;
      before = now;
      listen.onChange(enrolment);
    } catch (error) {
      if (!(error instanceof EnrolmentError)) throw error;
      listen.onProblem(error);
    }
  };
  const lookLater = (): (() => void) =>
    clock.after(lookEveryMs, () => {
      look();
      cancel = lookLater();
    });
  let cancel = lookLater();
  return () => cancel();
}

/** Changes with the content, the mode and the file itself. */
function stampOf(file: string): string {
  try {
    const stat = statSync(file, { bigint: true });
    return `${stat.ino} ${stat.size} ${stat.mode} ${stat.mtimeNs} ${stat.ctimeNs}`;
  } catch (error) {
    return codeOf(error); // reading says it better
  }
}

/** Reads the agent token of our own file. Its signature says nothing here: whoever writes the file decides whom to believe. */
function readAgentToken(file: string, enrolment: GatewayEnrolment): Pick<Enrolment, 'agentTokenId' | 'feedKeyThumbprint'> {
  const payload = enrolment.agentToken.split('.')[1] ?? '';
  const claims = parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  const again = `Enrol again: ${enrolCommand}`;
  if (typeof claims !== 'object' || claims === null || !('feed_key' in claims) || typeof claims.feed_key !== 'string') {
    throw new EnrolmentError(`The agent token in ${file} names no feed key. ${again}`);
  }
  const audiences: unknown[] = 'aud' in claims ? [claims.aud].flat() : [];
  if (!audiences.includes(`deployment:${enrolment.deploymentId}`)) {
    throw new EnrolmentError(`The agent token in ${file} is not one of the Deployment ${enrolment.deploymentId}. ${again}`);
  }
  if (!('sub' in claims) || typeof claims.sub !== 'string')
    throw new EnrolmentError(`The agent token in ${file} does not say which one it is. ${again}`);
  return { agentTokenId: claims.sub, feedKeyThumbprint: claims.feed_key };
}

function refuseReadableByOthers(path: string): void {
  if (process.platform === 'win32') return; // no mode bits there
  const mode = modeOf(path);
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw new EnrolmentError(`${path} can be read by others (mode ${octal}): take that away with chmod go-rwx ${path}`);
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode;
  } catch (error) {
    throw new EnrolmentError(`${path} cannot be looked at: ${codeOf(error)}.`); // taken away since it was read
  }
}

/** Undefined for what is no JSON: the message of `JSON.parse` quotes the text, and this text holds secrets. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
