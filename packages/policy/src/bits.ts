/**
 * Sets of rights as base64url bit sets, most significant bit first, as they stand in the `grants` of direct access tokens.
 * Bit n is right n of the catalogue; zero bytes at the end are left out.
 */
import { catalogue, catalogueLengths, indexOf, type Permission } from './catalogue.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The set as text; rights are taken as they are, so expand them first. */
export function encodePermissions(set: Iterable<Permission>): string {
  const bits: number[] = [];
  for (const permission of set) {
    const index = indexOf(permission);
    if (index !== undefined) bits.push(index);
  }
  const bytes = Math.ceil((Math.max(-1, ...bits) + 1) / 8);
  const sextets = new Array<number>(Math.ceil((bytes * 8) / 6)).fill(0);
  for (const bit of bits) sextets[Math.floor(bit / 6)] = (sextets[Math.floor(bit / 6)] ?? 0) | maskOf(bit);
  return sextets.map((sextet) => alphabet.charAt(sextet)).join('');
}

/** The set that the text names. Bits that the catalogue of `version` did not know give nothing; nothing is expanded. */
export function decodePermissions(text: string, version: number): ReadonlySet<Permission> {
  return new Set(catalogue.map(({ permission }) => permission).filter((permission) => hasBit(text, version, permission)));
}

/** Whether the text names the right; costs one look into the text. */
export function hasBit(text: string, version: number, permission: string): boolean {
  const bit = indexOf(permission);
  if (bit === undefined || bit >= knownTo(version)) return false;
  const sextet = alphabet.indexOf(text.charAt(Math.floor(bit / 6)) || '?');
  return sextet >= 0 && (sextet & maskOf(bit)) !== 0;
}

/** A version after ours has what we know in the same places, because the catalogue only grows. */
function knownTo(version: number): number {
  if (!Number.isSafeInteger(version) || version < 1) return 0;
  return catalogueLengths.get(version) ?? catalogue.length;
}

function maskOf(bit: number): number {
  return 32 >> (bit % 6);
}
