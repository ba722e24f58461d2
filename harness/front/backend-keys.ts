import type { Address } from "./routes";

const key = (processIdAndSecret: Buffer): string => processIdAndSecret.toString("hex");

/** Which Postgres gave which key: a request to cancel names nothing else, and may come without TLS. */
export class BackendKeys {
  readonly #owners = new Map<string, Address>();

  /** The body of a BackendKeyData message. */
  note(body: Buffer, owner: Address): () => void {
    const id = key(body);
    this.#owners.set(id, owner);
    return () => this.#owners.delete(id);
  }

  /** The body of a CancelRequest, behind its code. */
  ownerOf(body: Buffer): Address | undefined {
    return this.#owners.get(key(body));
  }
}
