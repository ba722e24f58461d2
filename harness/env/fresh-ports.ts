import { recordEvent } from "../events";
import { isPortTaken } from "../nodes";

const MOST_ATTEMPTS = 5;

/**
 * The protocol for ports: who starts a process can't hold a port for it, so a stranger may take it between the lease and
 * the bind. Then nothing has happened yet that a test could see, and the same is configured anew with other ports, at most
 * four times; each is an event of the test. Any other failure is a failure.
 */
export async function withFreshPorts<T>(
  what: string,
  attempt: () => Promise<T>,
  undo: () => Promise<void>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPortTaken(error) || count === MOST_ATTEMPTS) throw error;
      recordEvent({ kind: "test", what: `a stranger took a port of ${what}; it is configured anew with other ports` });
      await undo();
    }
  }
}
