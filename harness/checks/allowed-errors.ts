/**
 * Lines at WARN or ERROR that a healthy node may write in any test, by what causes them. What only some tests cause
 * belongs into the node's `allowedErrors` in those tests. The causes are those that Neon's own test_runner knows.
 */
export const PAGESERVER_ALLOWED: readonly RegExp[] = [
  // The teardown stops all nodes at once, so a pageserver can lose its broker, its safekeepers or its controller first.
  /WARN wal_connection_manager\{.*\}: broker subscription failed: status: /,
  /wal_connection_manager.*tcp connect error: Connection refused/,
  /WARN deletion backend: calling control plane generation validation API failed.*error sending request/,
  /(wal receiver task finished with an|Shutdown task) error: walreceiver connection handling failure/,
  /Connection aborted: (error communicating with the server: Transport endpoint is not connected|unexpected message)/,
  // A safekeeper that knows the timeline, but has no WAL of it yet.
  /Failed to process query for timeline .*: state uninitialized, no data to read/,

  // A compute went away.
  /query handler for .* failed: Socket IO error: Connection reset by peer/,
  /query handler for 'pagestream.*failed: (Broken pipe|Connection reset by peer)/,
  /serving compute connection task.*exited with error: (Postgres (connection|query) error|Connection reset by peer)/,

  // A compute asks for a timeline that is being deleted, and whoever deletes one asks until it is gone.
  /query handler for 'pagestream.*failed: Timeline .* (was not found|is not active)/,
  /Error processing HTTP request: NotFound: Timeline .* was not found/,

  // Somebody came with the wrong token, or a test set a failpoint.
  /Error processing HTTP request: Forbidden/,
  /failpoint /,

  // Background work that a stop, or a deletion, interrupts.
  /could not flush frozen layer.*queue is in state Stopped/,
  /wait for layer upload ops to complete/,
  /gc_loop.*Gc failed, retrying in.*(timeline is Stopping|: Cannot run GC iteration on inactive tenant)/,
  /compaction_loop.*Compaction failed.*, retrying in.*timeline or pageserver is shutting down/,
  /Compaction failed.*, retrying in .*: (ShuttingDown|Other\((queue is in state Stopped|timeline shutting down))/,
  /could not compact.*cancelled/,
  /Cancelled, shutting down/,
  /scheduling deletion on drop failed: queue is in state Stopped/,
  /WARN.*path=\/v1\/utilization .*request was dropped before completing/,

  // A machine that is busy.
  /task iteration took longer than the configured period/,
  /took more than expected to complete/,
  /completed, took longer than expected/,
  /too many frozen layers/,

  // Layers are cut at whole records, and so may be larger than a small checkpoint distance says.
  /Flushed oversized open layer with size/,
  // The WAL-redo process ended in order.
  /kill_and_wait_impl.*: wait successful/,
  // S3 may fail for single keys of a request; it is tried again.
  /DeleteObjects.*We encountered an internal error\. Please try again/,
];

export const STORAGE_CONTROLLER_ALLOWED: readonly RegExp[] = [
  // Without JWT secrets the controller refuses to start in any other mode.
  /WARN Starting in dev mode: this may be an insecure configuration\.$/,
  // A test takes a pageserver down, or starts with one that is down.
  /Call to node.*management API.*failed.*(receive body|ReceiveBody)/,
  /Failed to update node .+ after heartbeat round.*error sending request for url/,
  /startup_reconcile: Could not scan node/,
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

/** A node that was killed within a line, and started again: two times in one line, and the second begins its log. */
export const TORN_LINE = /^\d{4}-\d\d-\d\dT.+\d{4}-\d\d-\d\dT\S+\s+INFO .*version: /;
