import { Buffer } from 'node:buffer';

// Little-endian numbers of RFC 8032 §5.1, written big-endian so that bytes compare like numbers.
const fieldPrime = Buffer.from('7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed', 'hex');
const groupOrder = Buffer.from('1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed', 'hex');

/** The y coordinates of the eight points whose order divides 8; x has either sign. */
const smallOrder: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000001',
  '05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826',
  '7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7',
  '7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec',
]);

/**
 * Is this the encoding of a point that may be a public key, or the R of a signature: canonical (y below the field's prime),
 * and not one of the eight points of small order, under which one signature fits many messages (J-11)?
 */
export function isProperPoint(encoded: Buffer): boolean {
  if (encoded.length !== 32) return false;
  const y = bigEndian(encoded);
  y.writeUInt8(y.readUInt8(0) & 0x7f, 0); // the top bit is the sign of x
  return y.compare(fieldPrime) < 0 && !smallOrder.has(y.toString('hex'));
}

/** Is S below the group's order? Otherwise S and S + L would be two spellings of one signature (RFC 8032 §5.1.7). */
export function isCanonicalScalar(encoded: Buffer): boolean {
  return encoded.length === 32 && bigEndian(encoded).compare(groupOrder) < 0;
}

function bigEndian(littleEndian: Buffer): Buffer {
  return Buffer.from(littleEndian).reverse();
}
