import { recordEvent } from "../events";
import { HarnessError } from "../types";
import { isConnectionRefused } from "./http/errors";

export interface SetFailpoint {
  readonly component: string;
  readonly name: string;
  readonly action: string;
}

/** Whoever can switch failpoints off again. */
export interface FailpointTarget {
  readonly http: { readonly component: string; readonly baseUrl: string };
  clearFailpoints(names: readonly string[]): Promise<void>;
}

/**
 * Remembers which failpoints are set in which node, over all clients that were made with it. A teardown clears them
 * before it stops the nodes, for a paused node would not stop.
 */
export class FailpointGuard implements AsyncDisposable {
  readonly #set = new Map<string, { target: FailpointTarget; name: string; action: string }>();

  get active(): SetFailpoint[] {
    return [...this.#set.values()].map(({ target, name, action }) => ({
      component: target.http.component,
      name,
      action,
    }));
  }

  /** Called by clients after the node took the change; an action `off` forgets the failpoint. */
  record(target: FailpointTarget, name: string, action: string): void {
    const key = `${target.http.baseUrl} ${name}`;
    recordEvent({ kind: "fault", node: target.http.component, what: `failpoint ${name}: ${action}` });
    if (action === "off") this.#set.delete(key);
    else this.#set.set(key, { target, name, action });
  }

  /** Switches all of them off. A node that is gone took its failpoints along; all other failures are reported. */
  async clear(): Promise<void> {
    const entries = [...this.#set.values()];
    this.#set.clear();
    const outcomes = await Promise.allSettled(entries.map(({ target, name }) => clearIfThere(target, [name])));
    const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    if (errors.length === 0) return;
    throw new HarnessError("CHECK_FAILED", {
      summary: `${errors.length} of ${entries.length} failpoints could not be cleared`,
      expected: "every failpoint to be off before its node is stopped",
      found: errors.map(String).join("\n"),
      cause: new AggregateError(errors),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
  }
}

/** Switches failpoints off, unless nobody listens there any more. */
export async function clearIfThere(target: FailpointTarget, names: readonly string[]): Promise<void> {
  try {
    await target.clearFailpoints(names);
  } catch (error) {
    if (!isConnectionRefused(error)) throw error;
  }
}
