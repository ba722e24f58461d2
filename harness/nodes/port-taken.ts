import { assertPortFree } from "../ports";
import { HarnessError } from "../types";

/**
 * The reason why a node could not start: PORT_TAKEN where somebody else listens on one of its ports now that it is gone,
 * else what it was. Nobody can hold a port for a process that has yet to bind it.
 */
export async function orPortTaken(name: string, ports: readonly number[], error: unknown): Promise<unknown> {
  try {
    await Promise.all(ports.map((port) => assertPortFree(port, name)));
    return error;
  } catch (taken) {
    return taken;
  }
}

/** PORT_TAKEN, by itself or among what several nodes failed with. */
export function isPortTaken(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isPortTaken);
  return HarnessError.is(error, "PORT_TAKEN");
}
