import type { Pageserver, StorageBroker, StorageController } from "../nodes";
import { HarnessError } from "../types";
import { PAGESERVER_ALLOWED, STORAGE_CONTROLLER_ALLOWED } from "./allowed-errors";
import { checkLog } from "./log-check";

interface Checkable {
  readonly pageservers: readonly Pageserver[];
  readonly storageController: StorageController;
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
  const logs = [
    ...env.pageservers.map((ps) => ({
      component: ps.name,
      path: ps.logPath,
      allowed: [...PAGESERVER_ALLOWED, ...ps.allowedErrors],
    })),
    {
      component: env.storageController.name,
      path: env.storageController.logPath,
      allowed: [...STORAGE_CONTROLLER_ALLOWED, ...env.storageController.allowedErrors],
    },
    { component: env.broker.name, path: env.broker.logPath, allowed: [] },
  ];
  const failures: unknown[] = [];
  for (const log of logs) {
    try {
      checkLog(log);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "several nodes logged unexpected lines");
}

/** Everything that must hold while the environment still runs. */
export async function checkRunning(env: Checkable): Promise<void> {
  await Promise.all(env.pageservers.filter((ps) => ps.isRunning()).map((ps) => checkMetrics(ps)));
}
