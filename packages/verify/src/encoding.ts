import { Buffer, isUtf8 } from 'node:buffer';
import { refuse } from './errors.ts';

export type JsonObject = Record<string, unknown>;

const maxDepth = 16;
const dangerousNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Decodes base64url (RFC 7515 §2) that is exactly what encoding its bytes gives: no padding, no other alphabet, no space,
 * no stray bits in the last character, of which 16 spellings would otherwise read alike (J-10). Anything else is undefined.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/**
 * Reads the one JSON object that `bytes` spell, and freezes it to the bottom.
 *
 * The text must be byte for byte what `JSON.stringify` gives for the value it was parsed to. Every value then has one
 * spelling, so two parsers cannot disagree about it: that excludes duplicate members, white space, needless escapes, numbers
 * such as `1.0`, `1e3`, `-0`, or one too large for a double, and anything after the object (J-10).
 */
export function readJsonObject(bytes: Buffer): JsonObject {
  if (!isUtf8(bytes)) refuse('malformed');
  const value = parseCanonical(bytes.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('malformed');
  harden(value, 1);
  return value as JsonObject; // proven above: neither null nor a list
}

function parseCanonical(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (JSON.stringify(value) === text) return value;
  } catch {
    // Not JSON, or nested deeper than the stack. The cause is dropped: a SyntaxError quotes the text.
  }
  refuse('malformed');
}

/** Refuses deep nesting, names that touch a prototype and half characters; freezes. */
function harden(value: unknown, depth: number): void {
  if (typeof value === 'string' && !value.isWellFormed()) refuse('malformed');
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) refuse('malformed');
  if (Array.isArray(value)) {
    for (const item of value) harden(item, depth + 1);
  } else {
    for (const name of Object.keys(value)) {
      if (dangerousNames.has(name) || !name.isWellFormed()) refuse('malformed');
      harden((value as JsonObject)[name], depth + 1); // neither null nor a list
    }
  }
  Object.freeze(value);
}
