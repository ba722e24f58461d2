import type { Socket } from "node:net";

const HTTP2_PREFACE = "PRI * HTTP/2.0";

/** Tells whether the client opens with HTTP/2's preface. The socket is paused then and its bytes are unread again. */
export function detectHttp2(socket: Socket, decided: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const head = seen.toString("latin1", 0, HTTP2_PREFACE.length);
    if (head.length < HTTP2_PREFACE.length && HTTP2_PREFACE.startsWith(head)) return;
    socket.off("data", onData);
    socket.pause();
    socket.unshift(seen);
    decided(head === HTTP2_PREFACE);
  };
  socket.on("data", onData);
}
