import net from "node:net";

import { ConnectionError } from "./errors";

export interface ConnectOptions {
  host: string;
  port: number;
  signal?: AbortSignal;
  timeoutMs?: number;
  highWaterMark?: number;
  /** Reads into one buffer again and again, and hands over what is new there, instead of chunks by `data`. */
  onread?: net.OnReadOpts | undefined;
}

/** A connected socket. Rejects with ConnectionError naming host and port (`ECONNREFUSED 127.0.0.1:5432`). */
export function connectSocket(options: ConnectOptions): Promise<net.Socket> {
  const address = `${options.host}:${options.port}`;
  return new Promise((resolve, reject) => {
    const { highWaterMark, onread } = options;
    const socket = new net.Socket({ highWaterMark, onread } as net.SocketConstructorOpts);
    const fail = (reason: string, cause?: NodeJS.ErrnoException): void => {
      stopWaiting();
      socket.destroy();
      reject(new ConnectionError(`cannot connect to ${address}: ${reason}`, { code: cause?.code, cause }));
    };
    const onAbort = (): void => fail("aborted");
    const onTimeout = (): void => fail(`no answer within ${options.timeoutMs} ms`);
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(onTimeout, options.timeoutMs);
    const stopWaiting = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
    };
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (socket.connecting || socket.pending) fail(error.code ?? error.message, error);
    });
    if (options.signal?.aborted === true) return fail("aborted");
    options.signal?.addEventListener("abort", onAbort, { once: true });
    socket.connect({ host: options.host, port: options.port }, () => {
      stopWaiting();
      resolve(socket);
    });
  });
}
