// The signing keys of the emulated account, and the documents that publish them.

import { createHash, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";

const newKeyPair = promisify(generateKeyPair);

/** An RSA key pair under a kid of 64 hex digits, as Access names its keys. */
export async function newSigningKey() {
  const { privateKey, publicKey } = await newKeyPair("rsa", { modulusLength: 2048 });
  const { kty, e, n } = publicKey.export({ format: "jwk" });
  const kid = createHash("sha256").update(n).digest("hex");
  return { kid, privateKey, publicKey, jwk: { kid, kty, alg: "RS256", use: "sig", e, n } };
}

/**
 * Two keys, like Access: the current one signs, the previous one is still published, so that
 * assertions signed just before a rotation stay good.
 */
export class KeyRing {
  static async generate() {
    const [current, previous] = await Promise.all([newSigningKey(), newSigningKey()]);
    return new KeyRing(current, previous);
  }

  constructor(current, previous) {
    this.current = current;
    this.previous = previous;
  }

  /** A new key signs from now on; the one that signed stays published, the one before is gone. */
  async rotate() {
    const next = await newSigningKey();
    this.previous = this.current;
    this.current = next;
    return next.kid;
  }

  /** The published key of that kid, if there is one. */
  find(kid) {
    return [this.current, this.previous].find((key) => key.kid === kid);
  }

  /** What `/cdn-cgi/access/certs` answers. Only `keys` is meant to be used by verifiers. */
  certs() {
    const published = [this.current, this.previous];
    const certificates = published.map(({ kid, publicKey }) => ({
      kid,
      // Access puts an X.509 certificate here. Node cannot make one, and no verifier reads it.
      cert: publicKey.export({ type: "spki", format: "pem" }),
    }));
    return {
      keys: published.map(({ jwk }) => jwk),
      public_cert: certificates[0],
      public_certs: certificates,
    };
  }
}
