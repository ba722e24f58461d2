import type net from "node:net";

import { frame, parseDataRow, parseErrorResponse, parseRowDescription } from "./backend-messages";
import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { ClientAuthentication } from "./client-authentication";
import { connectSocket } from "./connect-socket";
import { CopyBothStream } from "./copy-both-stream";
import { ConnectionError, PgError, ProtocolError } from "./errors";
import type { Message } from "./frame-parser";
import { MessageChannel, SOCKET_BUFFER_BYTES } from "./message-channel";
import { encodeStartupPacket } from "./startup-packet";

export interface PgConnectOptions {
  host: string;
  port: number;
  user?: string;
  database?: string;
  password?: string;
  /** More startup parameters: `replication`, `options`, `application_name`. */
  parameters?: Record<string, string>;
  /** Ends the connection at any time, also long after it was made. */
  signal?: AbortSignal;
  /** For connecting and authenticating; nothing else has a time limit here. */
  timeoutMs?: number;
  /**
   * Reads into one buffer of so many bytes again and again: memory for every chunk costs more than to look at it. For who
   * takes very much by `CopyBothStream.onBytes`, whose chunks are then good until the next one only.
   */
  readBufferBytes?: number;
}

export interface PgResult {
  columns: string[];
  rows: (string | null)[][];
  tag: string;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** A client of the simple query protocol and of COPY. Commands given while another one runs wait for their turn. */
export class PgConnection {
  readonly serverParameters = new Map<string, string>();
  /** What the server had to say beside its answers, newest last; the last hundred are kept. */
  readonly notices: PgError[] = [];
  readonly #channel: MessageChannel;
  readonly #address: string;
  #turn: Promise<void> = Promise.resolve();
  #copyBoth: CopyBothStream | undefined;

  private constructor(channel: MessageChannel, address: string) {
    this.#address = address;
    this.#channel = channel;
  }

  /** Rejects with ConnectionError when there is no connection, with PgError when the server refuses it. */
  static async connect(options: PgConnectOptions): Promise<PgConnection> {
    const { host, port, signal } = options;
    const timeoutMs = options.timeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    const started = performance.now();
    const receiver: { channel?: MessageChannel } = {};
    const onread =
      options.readBufferBytes === undefined
        ? undefined
        : {
            buffer: Buffer.alloc(options.readBufferBytes),
            callback: (count: number, buffer: Uint8Array): boolean => {
              receiver.channel?.pushShared(buffer.subarray(0, count) as Buffer);
              return true;
            },
          };
    const socket = await connectSocket({ host, port, signal, timeoutMs, highWaterMark: SOCKET_BUFFER_BYTES, onread });
    const channel = new MessageChannel(socket, { expectStartup: false });
    receiver.channel = channel;
    const connection = new PgConnection(channel, `${host}:${port}`);
    connection.#followSignal(signal);
    const slow = new ConnectionError(`${host}:${port} did not finish the handshake within ${timeoutMs} ms`);
    const timer = setTimeout(() => connection.#channel.destroy(slow), timeoutMs - (performance.now() - started));
    try {
      await connection.#start(options);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get socket(): net.Socket {
    return this.#channel.socket;
  }

  /** Aborted when the connection is closed, by whichever side; its reason is a ConnectionError. */
  get closed(): AbortSignal {
    return this.#channel.closed;
  }

  /** Runs simple queries; the result is the last one's. Rejects with PgError or, when the server is gone, ConnectionError. */
  async query(sql: string): Promise<PgResult> {
    const endTurn = await this.#takeTurn();
    try {
      this.#sendQuery(sql);
      return await this.#readResult();
    } finally {
      endTurn();
    }
  }

  /** The payloads of COPY … TO STDOUT. Leaving the loop early ends the connection: the rest could not be skipped. */
  async *copyOut(sql: string): AsyncGenerator<Buffer, void, undefined> {
    const endTurn = await this.#takeTurn();
    let whole = false;
    try {
      this.#sendQuery(sql);
      await this.#expectCopy("H", sql);
      for (let message = await this.#receive(); message.tag !== "c"; message = await this.#receive()) {
        if (message.tag === "E") await this.#failAfterReady(message);
        if (message.tag === "d") yield message.body;
      }
      whole = true;
      await this.#readResult();
    } catch (error) {
      whole ||= error instanceof PgError;
      throw error;
    } finally {
      if (!whole) this.destroy();
      endTurn();
    }
  }

  /** Starts a COPY BOTH (START_REPLICATION, START_WAL_PUSH, pagestream). Other commands wait until both sides finished. */
  async copyBoth(sql: string): Promise<CopyBothStream> {
    const endTurn = await this.#takeTurn();
    try {
      this.#sendQuery(sql);
      await this.#expectCopy("W", sql);
    } catch (error) {
      endTurn();
      throw error;
    }
    const stream = new CopyBothStream(this.#channel, "client");
    this.#copyBoth = stream;
    void this.#afterCopyBoth(stream).finally(endTurn);
    return stream;
  }

  /** Says good-bye and closes; waits until the connection is closed. */
  async end(): Promise<void> {
    if (this.closed.aborted) return;
    const closed = new Promise<void>((resolve) => {
      this.closed.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#channel.sendRaw(frame("X"));
    this.#channel.endAfterWrites();
    await closed;
  }

  /** Ends the connection at once, even when the server does not read. */
  destroy(): void {
    this.#channel.destroy();
  }

  #followSignal(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const onAbort = (): void => this.destroy();
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.closed.addEventListener("abort", () => signal.removeEventListener("abort", onAbort), { once: true });
  }

  async #start(options: PgConnectOptions): Promise<void> {
    const user = options.user ?? "cloud_admin";
    const database = options.database ?? "postgres";
    const parameters = new Map(Object.entries({ user, database, ...options.parameters }));
    const authentication = new ClientAuthentication(user, options.password);
    this.#channel.sendRaw(encodeStartupPacket(parameters));
    for (let message = await this.#receive(); message.tag !== "Z"; message = await this.#receive()) {
      if (message.tag === "E") throw parseErrorResponse(message.body);
      const answer = message.tag === "R" ? authentication.answer(message.body) : undefined;
      if (answer !== undefined) this.#channel.sendRaw(answer);
    }
  }

  async #takeTurn(): Promise<() => void> {
    // The server said it is done; answering is all that keeps the connection from being free.
    if (this.#copyBoth?.peerFinished === true) this.#copyBoth.finish();
    const before = this.#turn;
    let endTurn = (): void => undefined;
    this.#turn = new Promise((resolve) => (endTurn = resolve));
    await before;
    return endTurn;
  }

  #sendQuery(sql: string): void {
    this.#channel.sendRaw(frame("Q", new ByteWriter(sql.length + 16).cstring(sql).finish()));
  }

  /** The next message that is an answer; notices and parameters are taken care of. */
  async #receive(): Promise<Message> {
    for (;;) {
      const message = await this.#channel.receive();
      if (message === undefined) {
        const error = this.#channel.closedError();
        throw new ConnectionError(`${this.#address}: ${error.message}`, { code: error.code, cause: error.cause });
      }
      if (message.tag === "N") this.#keepNotice(parseErrorResponse(message.body));
      else if (message.tag === "S") this.#keepParameter(new ByteReader(message.body));
      else return message;
    }
  }

  #keepNotice(notice: PgError): void {
    this.notices.push(notice);
    if (this.notices.length > 100) this.notices.shift();
  }

  #keepParameter(reader: ByteReader): void {
    this.serverParameters.set(reader.cstring(), reader.cstring());
  }

  async #readResult(): Promise<PgResult> {
    let result: PgResult = { columns: [], rows: [], tag: "" };
    for (;;) {
      const message = await this.#receive();
      switch (message.tag) {
        case "T":
          result = { columns: parseRowDescription(message.body), rows: [], tag: "" };
          break;
        case "D":
          result.rows.push(parseDataRow(message.body));
          break;
        case "C":
          // A command without rows after one with rows is a result of its own.
          if (result.tag !== "") result = { columns: [], rows: [], tag: "" };
          result.tag = new ByteReader(message.body).cstring();
          break;
        case "E":
          return await this.#failAfterReady(message);
        case "Z":
          return result;
        case "G":
        case "H":
        case "W":
          this.destroy();
          throw new ProtocolError("the query started a COPY: use copyOut() or copyBoth()");
        default:
      }
    }
  }

  /** Waits until the server is ready again, then throws its error. */
  async #failAfterReady(response: Message): Promise<never> {
    const failure = parseErrorResponse(response.body);
    if (failure.severity !== "FATAL") await this.#skipUntilReady();
    throw failure;
  }

  /** Returns when the server is ready or gone. */
  async #skipUntilReady(): Promise<void> {
    for (;;) {
      const message = await this.#channel.receive();
      if (message === undefined || message.tag === "Z") return;
    }
  }

  async #expectCopy(tag: "H" | "W", sql: string): Promise<void> {
    const message = await this.#receive();
    if (message.tag === tag) return;
    if (message.tag === "E") await this.#failAfterReady(message);
    await this.#skipUntilReady();
    throw new ProtocolError(`the server did not start a COPY for: ${sql.slice(0, 200)}`);
  }

  async #afterCopyBoth(stream: CopyBothStream): Promise<void> {
    await stream.ended;
    await this.#skipUntilReady();
    stream.detach();
    this.#copyBoth = undefined;
  }
}
