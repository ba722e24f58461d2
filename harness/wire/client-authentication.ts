import { createHash } from "node:crypto";

import { frame } from "./backend-messages";
import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { PgError, ProtocolError } from "./errors";
import { ScramClient } from "./scram";

const md5 = (...parts: (string | Buffer)[]): string => {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

const passwordMessage = (text: string): Buffer => frame("p", new ByteWriter().cstring(text).finish());

/** Answers the server's authentication requests: trust, cleartext, md5, SCRAM-SHA-256. */
export class ClientAuthentication {
  readonly #user: string;
  readonly #password: string | undefined;
  #scram: ScramClient | undefined;

  constructor(user: string, password: string | undefined) {
    this.#user = user;
    this.#password = password;
  }

  /** What to send back for an AuthenticationXxx message, or undefined when there is nothing to send. */
  answer(body: Buffer): Buffer | undefined {
    const reader = new ByteReader(body);
    const request = reader.u32be();
    switch (request) {
      case 0:
        return undefined;
      case 3:
        return passwordMessage(this.#needPassword());
      case 5:
        return passwordMessage(`md5${md5(md5(this.#needPassword(), this.#user), reader.bytes(4))}`);
      case 10:
        return this.#startScram(reader);
      case 11:
        return frame("p", Buffer.from(this.#needScram().final(reader.rest().toString())));
      case 12:
        this.#needScram().verify(reader.rest().toString());
        return undefined;
      default:
        throw new ProtocolError(`the server asks for authentication method ${request}, which is not supported`);
    }
  }

  #startScram(reader: ByteReader): Buffer {
    const mechanisms: string[] = [];
    for (let name = reader.cstring(); name !== ""; name = reader.cstring()) mechanisms.push(name);
    if (!mechanisms.includes("SCRAM-SHA-256")) {
      throw new ProtocolError(`no supported SASL mechanism among ${mechanisms.join(", ")}`);
    }
    this.#scram = new ScramClient(this.#needPassword());
    const first = Buffer.from(this.#scram.first());
    return frame("p", new ByteWriter().cstring("SCRAM-SHA-256").u32be(first.length).bytes(first).finish());
  }

  #needScram(): ScramClient {
    if (this.#scram === undefined) throw new ProtocolError("SASL message before the SASL request");
    return this.#scram;
  }

  #needPassword(): string {
    if (this.#password !== undefined) return this.#password;
    throw new PgError(`the server asks for a password of user "${this.#user}", and none was given`, "28P01");
  }
}
