import { createHash } from 'node:crypto';

const adjectives =
  'amber ancient bold bright calm clear cosmic crimson distant early fair gentle golden grand humble keen lunar meteoric mild noble nova polar quiet radiant rapid silent solar steady stellar vivid warm wise'.split(
    ' ',
  );
const nouns =
  'antenna asteroid aurora beacon comet compass corona crater eclipse equinox flare galaxy horizon lens meridian moon nebula observatory orbit parallax planet prism pulsar quadrant quasar satellite sextant spectrum sphere sundial telescope zenith'.split(
    ' ',
  );

/** The name that people and scripts know a Deployment by beside its id, `adjective-noun-1234`: always the same for an id. */
export function namespaceOf(deploymentId: string): string {
  const hash = createHash('sha256').update(`namespace ${deploymentId}`).digest();
  const digits = String(hash.readUInt32BE(4) % 10_000).padStart(4, '0');
  return `${pick(adjectives, hash.readUInt16BE(0))}-${pick(nouns, hash.readUInt16BE(2))}-${digits}`;
}

const pick = (words: readonly string[], number: number): string => words[number % words.length] ?? '';
