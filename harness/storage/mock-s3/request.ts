import type { IncomingMessage } from "node:http";
import { S3Error } from "./errors";
import { operationOf } from "./operation-names";
import type { S3Operation } from "./operation-names";

/** A request, taken apart; nothing of it is believed yet. */
export interface S3Request {
  readonly id: string;
  readonly raw: IncomingMessage;
  readonly method: string;
  /** The decoded path of the URL, as it is signed. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly bucket: string;
  readonly key: string;
  readonly operation: S3Operation;
}

const MAX_KEY_BYTES = 1024;

/** Throws InvalidURI, KeyTooLongError or NotImplemented. */
export function readRequest(raw: IncomingMessage, id: string): S3Request {
  const { path, query } = splitUrl(raw.url ?? "/");
  const { bucket, key } = placeOf(path, raw.headers.host ?? "");
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    const fields = { Size: Buffer.byteLength(key), MaxSizeAllowed: MAX_KEY_BYTES };
    throw new S3Error("KeyTooLongError", { fields });
  }
  const method = raw.method ?? "GET";
  const operation = operationOf({ method, bucket, key, query, headers: raw.headers });
  return { id, raw, method, path, query, bucket, key, operation };
}

function splitUrl(url: string): { path: string; query: Map<string, string> } {
  const at = url.indexOf("?");
  try {
    const path = decodeURIComponent(at === -1 ? url : url.slice(0, at));
    const query = new Map<string, string>();
    if (at !== -1) {
      for (const pair of url.slice(at + 1).split("&")) {
        if (pair === "") continue;
        const equals = pair.indexOf("=");
        const [name, value] = equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
        query.set(decodeQuery(name), decodeQuery(value));
      }
    }
    return { path, query };
  } catch (error) {
    if (error instanceof URIError) throw new S3Error("InvalidURI");
    throw error;
  }
}

const decodeQuery = (text: string): string => decodeURIComponent(text.replaceAll("+", " "));

/** `/bucket/key`, or `bucket.localhost` as host: both addressing styles of S3. */
function placeOf(path: string, host: string): { bucket: string; key: string } {
  const virtual = /^(.+?)(?:\.s3(?:\.[a-z0-9-]+)?)?\.localhost(?::\d+)?$/i.exec(host)?.[1];
  if (virtual !== undefined && virtual !== "s3") return { bucket: virtual, key: path.slice(1) };
  const slash = path.indexOf("/", 1);
  if (slash === -1) return { bucket: path.slice(1), key: "" };
  return { bucket: path.slice(1, slash), key: path.slice(slash + 1) };
}
