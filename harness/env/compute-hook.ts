import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { messageOfUnknown } from "../types";
import type { TenantId } from "../types";

/** What a storage controller tells about a tenant (neon-protocols §3.3). */
export interface ComputeNotification {
  tenant_id: TenantId;
  stripe_size: number | null;
  shards: { node_id: number; shard_number: number }[];
}

/**
 * Takes the storage controller's word of where a tenant's shards are now, in this process. Without it the controller
 * would run neon_local's library, which reads every endpoint's directory behind a lock.
 */
export class ComputeHook implements AsyncDisposable {
  readonly port: number;
  /** The newest of each tenant. */
  readonly notifications = new Map<string, ComputeNotification>();
  /** Tells the tenant's computes; the environment sets it. */
  onMove: ((tenantId: TenantId) => Promise<void>) | undefined;
  /**
   * A test's own listener, called before the computes are told; a status that it returns is the answer, and they are not
   * told; what it throws is answered with 503.
   */
  onNotify: ((notification: ComputeNotification) => Promise<number | void> | number | void) | undefined;
  #server: Server | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/notify-attach`;
  }

  /** Listens from now on; a hook that listens already goes on. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => void this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
    server.unref();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const notification = JSON.parse(Buffer.concat(chunks).toString("utf8")) as ComputeNotification;
      const status = await this.onNotify?.(notification);
      if (typeof status === "number") return void response.writeHead(status).end();
      this.notifications.set(notification.tenant_id, notification);
      await this.onMove?.(notification.tenant_id);
      response.writeHead(200).end();
    } catch (error) {
      // The controller tries again after 503.
      response.writeHead(503).end(messageOfUnknown(error));
    }
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
