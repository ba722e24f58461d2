import { PgConnection } from "../../wire";
import type { ComputeSpec } from "./spec";

/** A connection to the pageserver that gives base images and WAL. */
export function connectToPageserver(spec: ComputeSpec, signal: AbortSignal): Promise<PgConnection> {
  return PgConnection.connect({
    ...spec.pageservers[0],
    user: "cloud_admin",
    database: "postgres",
    ...(spec.storageAuthToken === undefined ? {} : { password: spec.storageAuthToken }),
    signal,
  });
}
