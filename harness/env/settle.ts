import { messageOfUnknown } from "../types";

interface Named {
  readonly name: string;
}

/** Does the same to all nodes in parallel, waits for every one, and reports every failure. */
export async function settleAll<N extends Named>(
  what: string,
  nodes: readonly N[],
  action: (node: N) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(nodes.map((node) => action(node)));
  const failures: unknown[] = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  throwAll(`${what} ${nodes.length} nodes`, failures);
}

/** Nothing for no failure, the failure itself for one, an AggregateError that quotes each for several. */
export function throwAll(what: string, errors: readonly unknown[]): void {
  // Who waited for the one that failed fails with the same error.
  const failures = [...new Set(errors)];
  if (failures.length === 1) throw failures[0];
  if (failures.length === 0) return;
  const messages = failures.map((failure) => messageOfUnknown(failure));
  throw new AggregateError(failures, `${failures.length} failures while trying to ${what}:\n${messages.join("\n")}`);
}
