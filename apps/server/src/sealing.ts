/** Encrypts what must not be readable in a stolen database: private keys and secret variables. Design section 3. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const masterKeyBytes = 32;

export interface Sealing {
  /** Names the key without revealing it; stored beside what it sealed. */
  readonly keyId: string;
  /** @param context what the text belongs to; opening needs the same, so that a ciphertext cannot be moved to another row */
  seal(plain: string, context: string): string;
  /** @throws when the text was sealed under another key or for another context, or was altered */
  open(sealed: string, context: string): string;
}

/** @param masterKey exactly 32 bytes */
export function createSealing(masterKey: Buffer): Sealing {
  if (masterKey.length !== masterKeyBytes) throw new Error(`the master key must have ${masterKeyBytes} bytes`);
  const keyId = createHash('sha256').update('astrolabe master key').update(masterKey).digest('hex').slice(0, 16);
  return {
    keyId,
    seal(plain, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv(algorithm, masterKey, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return [keyId, nonce.toString('base64url'), body.toString('base64url'), cipher.getAuthTag().toString('base64url')].join('.');
    },
    open(sealed, context) {
      const [sealedBy, nonce, body, tag] = sealed.split('.');
      if (sealedBy !== keyId || !nonce || body === undefined || !tag) throw new Error('sealed under another master key');
      const decipher = createDecipheriv(algorithm, masterKey, Buffer.from(nonce, 'base64url'), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(context)).setAuthTag(Buffer.from(tag, 'base64url'));
      return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()]).toString('utf8');
    },
  };
}
