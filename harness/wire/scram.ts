import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

import { ProtocolError } from "./errors";

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const xor = (left: Buffer, right: Buffer): Buffer => Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)));

function attribute(message: string, key: string): string {
  const found = message.split(",").find((part) => part.startsWith(`${key}=`));
  if (found === undefined) throw new ProtocolError(`SCRAM message without "${key}"`);
  return found.slice(2);
}

/** The client's part of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). The user name is in the startup packet. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(password: string, nonce = randomBytes(18).toString("base64")) {
    this.#password = password.normalize("NFKC");
    this.#nonce = nonce;
  }

  first(): string {
    return `n,,${this.#firstBare}`;
  }

  /** Answers the server's first message with the proof that we know the password. */
  final(serverFirst: string): string {
    const nonce = attribute(serverFirst, "r");
    if (!nonce.startsWith(this.#nonce)) throw new ProtocolError("SCRAM: the server's nonce does not extend ours");
    const salt = Buffer.from(attribute(serverFirst, "s"), "base64");
    const salted = pbkdf2Sync(this.#password, salt, Number(attribute(serverFirst, "i")), 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const withoutProof = `c=biws,r=${nonce}`;
    const signed = `${this.#firstBare},${serverFirst},${withoutProof}`;
    this.#serverSignature = hmac(hmac(salted, "Server Key"), signed);
    return `${withoutProof},p=${xor(clientKey, hmac(storedKey, signed)).toString("base64")}`;
  }

  /** Throws ProtocolError when the server does not know the password itself. */
  verify(serverFinal: string): void {
    const signature = Buffer.from(attribute(serverFinal, "v"), "base64");
    const expected = this.#serverSignature;
    if (expected === undefined || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new ProtocolError("SCRAM: the server's signature is wrong");
    }
  }

  get #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}
