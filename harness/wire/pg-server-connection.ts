import type net from "node:net";

import {
  authenticationRequest,
  commandComplete,
  dataRow,
  emptyCopyFormat,
  errorResponse,
  frame,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "./backend-messages";
import { ByteReader } from "./byte-reader";
import { CopyBothStream } from "./copy-both-stream";
import { copyOutOn } from "./copy-out-stream";
import type { CopyOutStream } from "./copy-out-stream";
import { PgError, ProtocolError } from "./errors";
import { MessageChannel } from "./message-channel";
import { parseStartupPacket } from "./startup-packet";

/** What a node does with its connections. A PgError thrown by any of these is sent to the client. */
export interface PgServerHandler {
  /** Decides who may connect; `password()` asks the client for a clear-text password (a JWT). Throwing refuses the client. */
  authenticate?(conn: PgServerConnection, password: () => Promise<string>): Promise<void>;
  /** Looks at the startup parameters once the client is authenticated. Throwing refuses the client. */
  startup?(conn: PgServerConnection): Promise<void> | void;
  /** Answers one simple query; ReadyForQuery follows when it resolves. */
  query(conn: PgServerConnection, sql: string): Promise<void>;
}

const AUTHENTICATION_OK = 0;
const AUTHENTICATION_CLEARTEXT = 3;
const EXTENDED_QUERY_MESSAGES = new Set(["P", "B", "D", "E", "C"]);

const asPgError = (error: unknown): PgError =>
  error instanceof PgError ? error : new PgError(error instanceof Error ? error.message : String(error));

/** One client of a PgServer. Everything sent after the connection is closed is dropped. */
export class PgServerConnection {
  readonly id: number;
  readonly remoteAddress: string;
  readonly #channel: MessageChannel;
  #parameters: ReadonlyMap<string, string> = new Map();
  #copyBoth: CopyBothStream | undefined;
  #terminated = false;
  #skipUntilSync = false;

  constructor(id: number, socket: net.Socket) {
    this.id = id;
    this.remoteAddress = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`;
    this.#channel = new MessageChannel(socket, { expectStartup: true });
  }

  get socket(): net.Socket {
    return this.#channel.socket;
  }

  /** The startup packet's parameters (`user`, `database`, `application_name`, `options` as it came). */
  get parameters(): ReadonlyMap<string, string> {
    return this.#parameters;
  }

  /** Aborted when the connection is closed, by whichever side; its reason is a ConnectionError. */
  get closed(): AbortSignal {
    return this.#channel.closed;
  }

  /** A whole result of text columns. */
  sendRows(columns: string[], rows: (string | null)[][], tag = `SELECT ${rows.length}`): void {
    this.#channel.sendRaw(Buffer.concat([rowDescription(columns), ...rows.map(dataRow), commandComplete(tag)]));
  }

  sendCommandComplete(tag: string): void {
    this.#channel.sendRaw(commandComplete(tag));
  }

  startCopyOut(): CopyOutStream {
    this.#channel.sendRaw(frame("H", emptyCopyFormat));
    return copyOutOn(this.#channel);
  }

  startCopyBoth(): CopyBothStream {
    this.#channel.sendRaw(frame("W", emptyCopyFormat));
    this.#copyBoth = new CopyBothStream(this.#channel, "server");
    return this.#copyBoth;
  }

  /** Ends the connection at once, even when the client does not read. */
  destroy(error?: Error): void {
    this.#channel.destroy(error);
  }

  /** Serves the client until it leaves; never rejects. */
  async serve(handler: PgServerHandler, parameters: Readonly<Record<string, string>>): Promise<void> {
    try {
      if (!(await this.#start(handler, parameters))) return;
      while (!this.#terminated && (await this.#serveMessage(handler))) continue;
      this.#channel.endAfterWrites();
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (error instanceof ProtocolError) return this.destroy(error);
    this.#channel.sendRaw(errorResponse(asPgError(error)));
    this.#channel.endAfterWrites();
  }

  /** False when the client left before it was served. */
  async #start(handler: PgServerHandler, parameters: Readonly<Record<string, string>>): Promise<boolean> {
    const startup = await this.#receiveStartup();
    if (startup === undefined) {
      this.destroy();
      return false;
    }
    this.#parameters = startup;
    await handler.authenticate?.(this, () => this.#askPassword());
    await handler.startup?.(this);
    const statuses = Object.entries(parameters).map(([name, value]) => parameterStatus(name, value));
    this.#channel.sendRaw(Buffer.concat([authenticationRequest(AUTHENTICATION_OK), ...statuses, readyForQuery]));
    return true;
  }

  async #receiveStartup(): Promise<ReadonlyMap<string, string> | undefined> {
    for (;;) {
      const message = await this.#channel.receive();
      if (message === undefined) return undefined;
      const packet = parseStartupPacket(message.body);
      if (packet.kind === "startup") return packet.parameters;
      if (packet.kind === "cancel") return undefined;
      this.#channel.sendRaw(Buffer.from("N"));
    }
  }

  async #askPassword(): Promise<string> {
    this.#channel.sendRaw(authenticationRequest(AUTHENTICATION_CLEARTEXT));
    const message = await this.#channel.receive();
    if (message === undefined) throw new ProtocolError("the client left instead of sending a password");
    if (message.tag !== "p") throw new ProtocolError(`password message expected, found "${message.tag}"`);
    return new ByteReader(message.body).cstring();
  }

  /** False when the client is gone or wants to go. */
  async #serveMessage(handler: PgServerHandler): Promise<boolean> {
    const message = await this.#channel.receive();
    if (message === undefined || message.tag === "X") return false;
    if (message.tag === "S") {
      this.#skipUntilSync = false;
      this.#channel.sendRaw(readyForQuery);
    } else if (this.#skipUntilSync || "dcfH".includes(message.tag)) {
      // Left over from a COPY that ended here first, or behind an extended query that was refused.
      return true;
    } else if (message.tag === "Q") {
      return await this.#serveQuery(handler, new ByteReader(message.body).cstring());
    } else if (EXTENDED_QUERY_MESSAGES.has(message.tag)) {
      this.#skipUntilSync = true;
      this.#channel.sendRaw(errorResponse(new PgError("extended query protocol is not supported", "0A000")));
    } else {
      throw new PgError(`unexpected message type "${message.tag}"`, "08P01", { closeAfter: true });
    }
    return true;
  }

  async #serveQuery(handler: PgServerHandler, sql: string): Promise<boolean> {
    let keep = true;
    try {
      await handler.query(this, sql);
    } catch (error) {
      const failure = asPgError(error);
      this.#channel.sendRaw(errorResponse(failure));
      keep = !failure.closeAfter;
    }
    this.#terminated = this.#copyBoth?.terminated ?? false;
    this.#copyBoth?.detach();
    this.#copyBoth = undefined;
    if (keep) this.#channel.sendRaw(readyForQuery);
    return keep;
  }
}
