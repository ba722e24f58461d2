import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { ApiError, errorText, jsonText, parseHostPort, parseJson } from "../service";
import type { LocationConfig, NodeRecord } from "./model";

export interface PageserverReply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface PageserverRequest {
  method: string;
  path: string;
  body?: unknown;
  timeoutMs?: number;
}

/** 503: the pageserver gave no answer at all, so it is not known whether it did what it was told. */
export class PageserverUnreachable extends ApiError {
  constructor(node: NodeRecord, call: PageserverRequest, cause: unknown) {
    super(503, `pageserver ${node.id} did not answer ${call.method} ${call.path}: ${errorText(cause)}`);
  }
}

/** Bootstrapping a timeline is the slowest thing asked of a pageserver. */
const DEFAULT_TIMEOUT_MS = 120_000;

/** Every call makes a connection of its own: one kept from before a pageserver's restart would fail the call. */
function exchange(node: NodeRecord, call: PageserverRequest, token: string | undefined): Promise<PageserverReply> {
  const { host, port } = parseHostPort(`${node.listen_http_addr}:${node.listen_http_port}`);
  const payload = call.body === undefined ? undefined : jsonText(call.body);
  const headers: Record<string, string | number> = {};
  if (payload !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = Buffer.byteLength(payload);
  }
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(call.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const options = { host, port, method: call.method, path: call.path, headers, agent: false, signal };
    const sent = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on("error", reject);
    sent.end(payload);
  });
}

function messageOf(reply: PageserverReply): string {
  const text = reply.body.toString("utf8");
  try {
    const { msg } = parseJson(text) as { msg?: unknown };
    return typeof msg === "string" ? msg : text;
  } catch {
    // Not JSON: the text itself is what there is to say.
    return text;
  }
}

/** The pageservers' management API (§3.1), as far as the controller calls it. */
export class PageserverApi {
  readonly #token: string | undefined;

  constructor(token: string | undefined) {
    this.#token = token;
  }

  /** Any answer is returned; a pageserver that cannot be reached is a 503. */
  async call(node: NodeRecord, call: PageserverRequest): Promise<PageserverReply> {
    try {
      return await exchange(node, call, this.#token);
    } catch (error) {
      throw new PageserverUnreachable(node, call, error);
    }
  }

  /** As `call`, and an answer that is not 2xx is thrown on with its status and text. */
  async require(node: NodeRecord, call: PageserverRequest): Promise<unknown> {
    const reply = await this.call(node, call);
    if (reply.status < 200 || reply.status > 299) throw new ApiError(reply.status, messageOf(reply));
    return reply.body.length === 0 ? null : parseJson(reply.body.toString("utf8"));
  }

  /** `target` is the shard's id with `/location_config`, and a query if there is one. */
  async putLocation(node: NodeRecord, target: string, location: LocationConfig): Promise<void> {
    await this.require(node, { method: "PUT", path: `/v1/tenant/${target}`, body: location });
  }

  /** What the pageserver has, by shard; undefined where it has only the name. */
  async listLocations(node: NodeRecord): Promise<Map<string, LocationConfig | undefined>> {
    const call = { method: "GET", path: "/v1/location_config", timeoutMs: 5000 };
    const answer = (await this.require(node, call)) as { tenant_shards: [string, LocationConfig | null][] };
    return new Map(answer.tenant_shards.map(([shard, location]) => [shard, location ?? undefined]));
  }

  /** How full the pageserver is, as it says itself. */
  utilization(node: NodeRecord, timeoutMs: number): Promise<unknown> {
    return this.require(node, { method: "GET", path: "/v1/utilization", timeoutMs });
  }
}
