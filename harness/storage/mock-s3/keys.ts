import { randomBytes } from "node:crypto";
import type { S3Keys } from "./authenticate";

/** Fresh ones for every server: whoever logs them is found out. */
export function newKeys(): S3Keys {
  return {
    accessKeyId: `NEONTEST${randomBytes(6).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64url"),
  };
}
