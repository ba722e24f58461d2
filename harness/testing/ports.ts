import { PortPool } from "../ports";
import type { PortLease } from "../ports";

let lease: Promise<PortLease> | undefined;

/** A port of this worker's, which nobody else of this machine's runs is given. */
export async function freePort(): Promise<number> {
  lease ??= PortPool.lease();
  return (await lease).next();
}
