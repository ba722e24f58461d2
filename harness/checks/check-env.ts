import type { NeonNode, Pageserver, Safekeeper, StorageBroker, StorageController } from "../nodes";
import { HarnessError, describeExit, messageOfUnknown } from "../types";
import { PAGESERVER_ALLOWED, SAFEKEEPER_FORBIDDEN, STORAGE_CONTROLLER_ALLOWED } from "./allowed-errors";
import { checkLog, searchLog } from "./log-check";

interface Checkable {
  readonly pageservers: readonly Pageserver[];
  readonly safekeepers: readonly Safekeeper[];
  readonly storageControllers: readonly StorageController[];
  readonly broker: StorageBroker;
}

/** Counters that say that something went wrong inside; a pageserver that doesn't have them fails the check too. */
const MUST_BE_ZERO = [
  "pageserver_tenant_manager_unexpected_errors_total",
  "pageserver_deletion_queue_unexpected_errors_total",
] as const;

/** What a running pageserver must say of itself. Throws CHECK_FAILED. */
export async function checkMetrics(pageserver: Pageserver): Promise<void> {
  const metrics = await pageserver.httpClient().metrics();
  for (const name of MUST_BE_ZERO) {
    // Rust's exporter leaves `_total` off where the metric was declared without it.
    const value = metrics.value(name) ?? metrics.value(name.replace(/_total$/, ""));
    if (value === 0) continue;
    throw new HarnessError("CHECK_FAILED", {
      summary: `${pageserver.name} counts unexpected errors`,
      expected: `${name} 0`,
      found: value === undefined ? "no such metric" : String(value),
      logPath: pageserver.logPath,
    });
  }
}

/** Throws LOG_ERRORS, or an AggregateError of several, for lines that no allow-list expects. */
export function checkLogs(env: Checkable): void {
  const { storageControllers, broker } = env;
  const checks = [
    ...env.pageservers.map((ps) => () => checkNodeLog(ps, [...PAGESERVER_ALLOWED, ...ps.allowedErrors])),
    ...env.safekeepers.map((sk) => () => searchLog({ ...logOf(sk), forbidden: SAFEKEEPER_FORBIDDEN })),
    ...storageControllers.map(
      (each) => () => checkNodeLog(each, [...STORAGE_CONTROLLER_ALLOWED, ...each.allowedErrors]),
    ),
    () => checkNodeLog(broker, []),
  ];
  const failures = checks.flatMap((check) => failureOf(check));
  if (failures.length === 1) throw failures[0];
  if (failures.length === 0) return;
  const messages = failures.map((failure) => messageOfUnknown(failure));
  throw new AggregateError(failures, `${failures.length} nodes logged unexpected lines:\n${messages.join("\n")}`);
}

const logOf = (node: NeonNode) => ({ component: node.name, path: node.logPath });

function checkNodeLog(node: NeonNode, allowed: readonly RegExp[]): void {
  checkLog({ ...logOf(node), allowed });
}

function failureOf(check: () => void): unknown[] {
  try {
    check();
    return [];
  } catch (error) {
    return [error];
  }
}

/** Throws NODE_DIED for a node that ended without being asked to: a crash that no test has noticed. */
function checkAlive(node: NeonNode): void {
  const exit = node.endedUnasked();
  if (exit === undefined) return;
  throw new HarnessError("NODE_DIED", {
    summary: `${node.name} ended by itself during the test: ${describeExit(exit)}`,
    expected: "it to run until the test, or the tear-down, ends it",
    todo: "see the end of its log; a test that ends a node does it with stop() or kill9()",
    facts: { component: node.name, ...exit },
    logPath: node.logPath,
  });
}

/** Everything that must hold while the environment still runs. */
export async function checkRunning(env: Checkable): Promise<void> {
  for (const node of [...env.storageControllers, env.broker, ...env.safekeepers, ...env.pageservers]) checkAlive(node);
  await Promise.all(env.pageservers.filter((ps) => ps.isRunning()).map((ps) => checkMetrics(ps)));
}
