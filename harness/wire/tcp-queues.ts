import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** Bytes in the kernel that one end of a connection has sent and nobody acknowledged, and has received and not read. */
export interface TcpQueues {
  sent: number;
  received: number;
}

/** What stands between a client and a server of the same machine. */
export interface ConnectionQueues {
  client: TcpQueues;
  server: TcpQueues;
}

type End = { address: string; port: number };

/**
 * The queues of both ends of a client's IPv4 connection, from /proc/net/tcp; undefined where they can't be seen: on
 * another system than Linux, or with a server elsewhere.
 */
export function connectionQueues(socket: Socket): ConnectionQueues | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (process.platform !== "linux" || localAddress === undefined || remoteAddress === undefined) return undefined;
  const client = { address: localAddress, port: localPort ?? 0 };
  const server = { address: remoteAddress, port: remotePort ?? 0 };
  const queues = parseConnectionQueues(readTable(), client, server);
  // Some sandboxes' kernels list connections, but no bytes.
  return queues !== undefined && bytesIn(queues).some((bytes) => bytes > 0) ? queues : undefined;
}

function readTable(): string {
  try {
    return readFileSync("/proc/net/tcp", "latin1");
  } catch {
    return "";
  }
}

/** `sl local remote state sent:received …`, all in hexadecimal, addresses in the machine's byte order. */
export function parseConnectionQueues(table: string, client: End, server: End): ConnectionQueues | undefined {
  const queuesOf = (local: End, remote: End): TcpQueues | undefined => {
    const row = new RegExp(` ${inTable(local)} ${inTable(remote)} 01 ([0-9A-F]+):([0-9A-F]+) `).exec(table);
    return row === null ? undefined : { sent: parseInt(row[1] ?? "", 16), received: parseInt(row[2] ?? "", 16) };
  };
  const [ours, theirs] = [queuesOf(client, server), queuesOf(server, client)];
  return ours === undefined || theirs === undefined ? undefined : { client: ours, server: theirs };
}

function inTable({ address, port }: End): string {
  const bytes = address.split(".").toReversed().map(Number);
  return `${Buffer.from(bytes).toString("hex")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

/** Whether each waits for the other: the client's requests are not read, for the server's answers are not read. */
export const isFull = (queues: ConnectionQueues): boolean => bytesIn(queues).every((bytes) => bytes > 0);

/** The client's requests first, as they stand there. */
export const bytesIn = ({ client, server }: ConnectionQueues): readonly number[] => [
  client.sent,
  server.received,
  server.sent,
  client.received,
];
