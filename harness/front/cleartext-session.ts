import net from "node:net";
import type { Duplex } from "node:stream";
import {
  ClientAuthentication,
  encodeStartupPacket,
  errorResponse,
  frame,
  FrameParser,
  parseStartupPacket,
  PgError,
} from "../wire";
import type { Message } from "../wire";
import type { Routes } from "./routes";

const CLEARTEXT_PASSWORD = frame("R", Buffer.from([0, 0, 0, 3]));

/**
 * A client that gives its password in clear, inside TLS, as those of WebSockets do to save round trips; to Postgres it
 * is given by whatever method that asks for.
 */
export class CleartextSession {
  readonly #client: Duplex;
  readonly #routes: Routes;
  readonly #sni: string | undefined;
  #parameters: ReadonlyMap<string, string> = new Map();
  #backend: net.Socket | undefined;
  /** What a client in a hurry sends before it is let in. */
  #waiting: Buffer[] | undefined = [];

  constructor(client: Duplex, routes: Routes, sni: string | undefined) {
    this.#client = client;
    this.#routes = routes;
    this.#sni = sni;
    const parser = new FrameParser({ expectStartup: true, deliver: (message) => this.#fromClient(message) });
    client.on("data", (chunk: Buffer) => {
      try {
        parser.push(chunk);
      } catch (error) {
        this.#refuse(error);
      }
    });
    client.on("error", () => client.destroy());
    client.once("close", () => this.#backend?.destroy());
  }

  #fromClient({ tag, body }: Message): void {
    if (tag === "startup") return this.#startUp(body);
    if (this.#backend === undefined) return this.#logIn(passwordOf({ tag, body }));
    if (this.#waiting === undefined) this.#backend.write(frame(tag, body));
    else this.#waiting.push(frame(tag, body));
  }

  #startUp(body: Buffer): void {
    const packet = parseStartupPacket(body);
    if (packet.kind !== "startup") throw new PgError("a startup packet must be first", "08P01", { severity: "FATAL" });
    this.#parameters = packet.parameters;
    this.#client.write(CLEARTEXT_PASSWORD);
  }

  #logIn(password: string): void {
    const { address, options } = this.#routes.find({ sni: this.#sni, options: this.#parameters.get("options") });
    const parameters = new Map(this.#parameters);
    if (options === "") parameters.delete("options");
    else parameters.set("options", options);
    const authentication = new ClientAuthentication(parameters.get("user") ?? "", password);
    const backend = net.connect({ ...address, noDelay: true });
    backend.write(encodeStartupPacket(parameters));
    this.#backend = backend;
    const parser = new FrameParser({
      expectStartup: false,
      deliver: ({ tag, body }) => {
        if (tag !== "R" || body.readUInt32BE(0) === 0) {
          if (tag === "R") this.#letIn(backend);
          return void this.#client.write(frame(tag, body));
        }
        const answer = authentication.answer(body);
        if (answer !== undefined) backend.write(answer);
      },
    });
    backend.on("data", (chunk: Buffer) => parser.push(chunk));
    backend.on("error", (error) => this.#refuse(error));
    backend.once("close", () => this.#client.end());
  }

  #letIn(backend: net.Socket): void {
    for (const message of this.#waiting ?? []) backend.write(message);
    this.#waiting = undefined;
  }

  #refuse(error: unknown): void {
    const said = error instanceof PgError ? error : new PgError(String(error), "08006", { severity: "FATAL" });
    this.#client.end(errorResponse(said));
    this.#backend?.destroy();
  }
}

function passwordOf({ tag, body }: Message): string {
  if (tag !== "p") throw new PgError("a password is expected", "28000", { severity: "FATAL" });
  return body.subarray(0, body.indexOf(0)).toString();
}
