import { request as httpRequest } from "node:http";
import { errorText, jsonText, type Logger, pause } from "../service";
import type { ShardRecord } from "./model";

/** The notification did not get through, but may later. */
export class NotificationPending extends Error {}

interface Message {
  tenant_id: string;
  preferred_az: string | null;
  stripe_size: number | null;
  shards: { node_id: number; shard_number: number }[];
}

const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const ATTEMPTS = 5;

/** What is sent for a tenant; undefined while one of its shards is nowhere. */
function messageFor(records: readonly ShardRecord[]): Message | undefined {
  const [first] = records;
  if (first === undefined) return undefined;
  const shards: Message["shards"] = [];
  for (const { attached, generation_pageserver, shard_number } of records) {
    if (attached === null || generation_pageserver !== attached) return undefined;
    shards.push({ node_id: attached, shard_number });
  }
  return {
    tenant_id: first.tenant_id,
    preferred_az: first.preferred_az_id,
    stripe_size: first.shard_count > 1 ? first.shard_stripe_size : null,
    shards,
  };
}

/** Tells the control plane where tenants are attached, so that it can tell their computes. */
export class ComputeHook {
  readonly #url: string | undefined;
  readonly #token: string | undefined;
  readonly #log: Logger;
  /** What was said last of each tenant. */
  readonly #acknowledged = new Map<string, string>();
  /** Notifications of one tenant go out one after the other. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: { url: string | undefined; token: string | undefined; log: Logger }) {
    this.#url = options.url;
    this.#token = options.token;
    this.#log = options.log;
  }

  /**
   * Sends what `records` say when its turn comes, unless it is known already. Rejects with NotificationPending when that may
   * succeed later, and with another error when it was refused for good.
   */
  notify(tenantId: string, records: () => readonly ShardRecord[]): Promise<void> {
    const turn = (this.#turns.get(tenantId) ?? Promise.resolve()).then(() => this.#send(records()));
    const settled = turn.catch(() => undefined);
    this.#turns.set(tenantId, settled);
    return turn;
  }

  forget(tenantId: string): void {
    this.#acknowledged.delete(tenantId);
  }

  async #send(records: readonly ShardRecord[]): Promise<void> {
    const message = messageFor(records);
    if (this.#url === undefined || message === undefined) return;
    const text = jsonText(message);
    if (this.#acknowledged.get(message.tenant_id) === text) return;
    // Whoever refuses it may have taken it all the same.
    this.#acknowledged.delete(message.tenant_id);
    let waitMs = FIRST_PAUSE_MS;
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.#attempt(this.#url, text);
      if (failure === undefined) break;
      this.#log.info(`compute notification failed: ${failure}`);
      if (attempt === ATTEMPTS) throw new NotificationPending(failure);
      await pause(waitMs);
      waitMs *= 2;
    }
    this.#acknowledged.set(message.tenant_id, text);
  }

  /** Undefined when it was taken, else why it may be tried again. Throws when that is of no use. */
  async #attempt(url: string, text: string): Promise<string | undefined> {
    const status = await put(url, text, this.#token).catch((error: unknown) => errorText(error));
    if (typeof status === "string") return status;
    if (status >= 200 && status < 300) return undefined;
    if (status === 423) throw new NotificationPending("control plane reports that the tenant is locked");
    if ([400, 401, 403].includes(status)) throw new Error(`control plane refused the notification: status ${status}`);
    return `status ${status}`;
  }
}

function put(url: string, text: string, token: string | undefined): Promise<number> {
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = httpRequest(url, { method: "PUT", headers, agent: false, signal }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end(text);
  });
}
