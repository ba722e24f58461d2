import type { Mutant } from "../mutant";

/** compute_ctl: the quorum, the start, roles and slots. */
export const compute: readonly Mutant[] = [
  {
    name: "ack before quorum",
    file: "harness/embedded/compute/walproposer/quorum.ts",
    from: "return descending[quorumOf(flushed.length) - 1] ?? 0n;",
    to: "return descending[0] ?? 0n;",
    caughtBy: {
      file: "regress/safekeeper-quorum.test.ts",
      test: "commits stop without a majority of safekeepers and go on when it returns",
    },
  },
  {
    name: "who is not needed for a majority gets no new WAL",
    file: "harness/embedded/compute/walproposer/replicator.ts",
    from: "return sent < this.#laterLsn || this.#vanguard.includes(progress);",
    to: "return this.#vanguard.includes(progress);",
    caughtBy: {
      file: "harness/embedded/compute/walproposer/replicator.test.ts",
      test: "two of three get WAL at once, the third soon after, without a majority's answer, too",
    },
  },
  {
    name: "the oldest WAL wins the election",
    file: "harness/embedded/compute/walproposer/election.ts",
    from: "isNewer(voter.vote, best.vote) ? voter : best",
    to: "isNewer(best.vote, voter.vote) ? voter : best",
    caughtBy: {
      file: "harness/embedded/compute/compute-node.test.ts",
      test: "what a dead compute had written but not committed is committed before the next one starts",
    },
  },
  {
    name: "fenced, and writes on",
    file: "harness/embedded/compute/walproposer/led-term.ts",
    from: "      replicator.advanced.wake();\n      onFenced(error);",
    to: "      replicator.advanced.wake();",
    caughtBy: {
      file: "regress/fencing.test.ts",
      test: "a second primary fences the first, and nothing that either acknowledged is lost",
    },
  },
  {
    name: "recovery ignores the WAL behind the image",
    file: "harness/embedded/pg/control.ts",
    from: "patched.writeUInt32LE(DB_STATE.IN_PRODUCTION, OFFSET.state);",
    to: "",
    caughtBy: { file: "regress/compute-restart.test.ts", test: "rows survive a compute restart" },
  },
  {
    name: "a read-only endpoint at the head",
    file: "harness/embedded/compute/startup.ts",
    from: "const get = () => fetchBaseImage(spec, { dataDir, lsn, log, signal, metrics });",
    to: "const get = () => fetchBaseImage(spec, { dataDir, lsn: undefined, log, signal, metrics });",
    caughtBy: { file: "regress/read-only.test.ts", test: "a read-only endpoint sees the past" },
  },
  {
    name: "a branch inherits slots",
    file: "harness/embedded/compute/slots/restore-slots.ts",
    from: "recorded.get(OWNER_FILE)?.toString() === timelineId",
    to: "recorded.has(OWNER_FILE)",
    caughtBy: {
      file: "regress/logical-replication.test.ts",
      test: "a branch does not inherit slots, and its own are its own",
    },
  },
  {
    name: "old safekeepers stay after a change",
    file: "harness/embedded/compute/walproposer/walproposer.ts",
    from: "    this.#safekeepers = safekeepers;\n",
    to: "",
    caughtBy: { file: "regress/compute-config.test.ts", test: "a running compute goes over to other safekeepers" },
  },
  {
    name: "databases that a spec deletes stay",
    file: "harness/embedded/compute/catalog/databases.ts",
    from: 'if (action === "delete_db") {',
    to: 'if (action === "delete_db" && known === undefined) {',
    caughtBy: {
      file: "regress/compute-config.test.ts",
      test: "a running compute takes roles, databases and settings",
    },
  },
];
