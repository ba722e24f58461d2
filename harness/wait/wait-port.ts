import { connect } from "node:net";
import { pollUntil } from "./poll-until";
import type { Readiness } from "./readiness";

const TRY_MS = 1000;

/** Something accepts TCP connections there. */
export function port(host: string, portNumber: number): Readiness {
  const name = `${host}:${portNumber} accepts connections`;
  return {
    name,
    wait: async (context) => {
      await pollUntil(name, async ({ signal }) => accepts(host, portNumber, signal), context);
    },
  };
}

async function accepts(host: string, portNumber: number, over: AbortSignal): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: portNumber, signal: over });
    socket.setTimeout(TRY_MS, () => socket.destroy(new Error(`no answer within ${TRY_MS} ms`)));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // The peer may reset the connection that we drop; that is of no interest any more.
      socket.on("error", () => socket.destroy());
      socket.destroy();
      resolve(true);
    });
  });
}
