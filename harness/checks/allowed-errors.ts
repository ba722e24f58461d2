/**
 * Lines at WARN or ERROR that a healthy node may write in any test. Each pattern was seen on a real node and has its
 * reason; what only some tests cause belongs into the node's `allowedErrors` in those tests.
 */
export const PAGESERVER_ALLOWED: readonly RegExp[] = [
  // The teardown stops all nodes at once, so a pageserver can lose its broker before it stops itself.
  /WARN wal_connection_manager\{.*\}: broker subscription failed: status: /,
];

export const STORAGE_CONTROLLER_ALLOWED: readonly RegExp[] = [
  // Without JWT secrets the controller refuses to start in any other mode.
  /WARN Starting in dev mode: this may be an insecure configuration\.$/,
];

/**
 * Safekeepers warn about every compute and pageserver that goes away. So the original reads their logs for these five
 * only, each of which means damage, whatever its level (original-test-runner §2.4).
 */
export const SAFEKEEPER_FORBIDDEN: readonly RegExp[] = [
  /manager task finished prematurely/,
  /error while acquiring WalResidentTimeline guard/,
  /timeout while acquiring WalResidentTimeline guard/,
  /invalid xlog page header:/,
  /WAL record crc mismatch at/,
];
