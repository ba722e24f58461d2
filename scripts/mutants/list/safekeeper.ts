import type { Mutant } from "../mutant";

/** The acceptor, its files, and what it sends. */
export const safekeeper: readonly Mutant[] = [
  {
    name: "ack before fsync",
    file: "harness/embedded/safekeeper/wal-storage.ts",
    from: "      this.#startSync();\n    } else {",
    to: "      this.#startSync();\n      this.#moveFlushLsn(this.#writtenRecordEnd());\n      this.#options.onFlushed();\n    } else {",
    caughtBy: {
      file: "harness/embedded/safekeeper/safekeeper.test.ts",
      test: "durability an answer comes with fdatasync",
    },
  },
  {
    name: "vote not persisted",
    file: "harness/embedded/safekeeper/control-file.ts",
    from: "if (text !== this.#stored) await this.#replace(text);",
    to: "if (text !== this.#stored && next.term === this.#state.term) await this.#replace(text);",
    caughtBy: {
      file: "harness/embedded/safekeeper/safekeeper.test.ts",
      test: "durability SIGKILL and start: terms, votes and acknowledged WAL are there, a torn tail is not",
    },
  },
  {
    name: "a second vote in a term",
    file: "harness/embedded/safekeeper/acceptor.ts",
    from: "return term > state.term ? { granted: true",
    to: "return term >= state.term ? { granted: true",
    caughtBy: {
      file: "harness/embedded/safekeeper/safekeeper.test.ts",
      test: "durability SIGKILL and start: terms, votes and acknowledged WAL are there, a torn tail is not",
    },
  },
  {
    name: "torn control file accepted",
    file: "harness/embedded/safekeeper/control-file.ts",
    from: "if (checksum !== checksumOf(json)) throw",
    to: "if (json === checksum) throw",
    caughtBy: {
      file: "harness/embedded/safekeeper/safekeeper.test.ts",
      test: "durability a control file that is of another term is named, not used and not replaced; other timelines go on",
    },
  },
  {
    name: "acknowledged WAL is not missed",
    file: "harness/embedded/safekeeper/timeline.ts",
    from: "      if (commitLsn > localStartLsn) requireSegmentUpTo(directory, commitLsn, server.walSegSize);\n",
    to: "",
    caughtBy: {
      file: "harness/embedded/safekeeper/safekeeper.test.ts",
      test: "durability a segment that is short is named: nobody is told that its WAL is there",
    },
  },
  {
    name: "wrong term accepted",
    file: "harness/embedded/safekeeper/acceptor.ts",
    from: 'if (append.term < state.term) return "superseded";\n  if (append.term > state.term || state.termHistory.at(-1)?.term !== append.term) {',
    to: "if (append.term > state.term) {",
    caughtBy: {
      file: "harness/embedded/safekeeper/proposers.test.ts",
      test: "proposers of an older term learn the higher one, and write nothing more",
    },
  },
  {
    name: "WAL is taken in the middle of a vote",
    file: "harness/embedded/safekeeper/timeline.ts",
    from: "return this.#lock.isTaken ? undefined : this.#append(append);",
    to: "return this.#append(append);",
    caughtBy: {
      file: "harness/embedded/safekeeper/timeline.test.ts",
      test: "WAL is not taken while a vote is given, and not after it from the proposer before",
    },
  },
  {
    name: "divergent WAL is kept",
    file: "harness/embedded/safekeeper/timeline.ts",
    from: "await storage.cut(decision.truncateAt);",
    to: "await storage.cut(maxLsn(decision.truncateAt, this.flushLsn));",
    caughtBy: {
      file: "harness/embedded/safekeeper/proposers.test.ts",
      test: "proposers replace what an older one wrote behind the last common point",
    },
  },
  {
    name: "lost record at a page edge",
    file: "harness/embedded/wal/decoder.ts",
    from: "    this.#boundary = position.end;\n    this.#previous = position.start;",
    to: "    if (position.end % WAL_PAGE_SIZE !== 0) this.#boundary = position.end;\n    this.#previous = position.start;",
    caughtBy: {
      file: "harness/embedded/safekeeper/wal-storage.test.ts",
      test: "recovery finds an end exactly at a page's and a segment's end",
    },
  },
  {
    name: "WAL is removed that no pageserver has",
    file: "harness/embedded/safekeeper/backup/timeline-keeper.ts",
    from: "const needed = minLsn(minLsn(remoteConsistentLsn, peerHorizonLsn), timeline.commitLsn);",
    to: "const needed = timeline.commitLsn;",
    caughtBy: {
      file: "regress/pageserver-restart.test.ts",
      test: "a pageserver that was killed gets back what it had not flushed",
    },
  },
  {
    name: "uncommitted WAL is sent",
    file: "harness/embedded/safekeeper/wal-sender.ts",
    from: 'if (end.upTo === "commit") return timeline.commitLsn;',
    to: 'if (end.upTo === "commit") return timeline.flushLsn;',
    caughtBy: {
      file: "harness/embedded/safekeeper/wal-service.test.ts",
      test: "WAL reaches a waiting receiver as soon as it is committed, not before; then keepalives",
    },
  },
  {
    name: "nobody uploads WAL",
    file: "harness/embedded/safekeeper/backup/elect-offloader.ts",
    from: "const capable = peers.filter((peer) => peer.localStartLsn <= backupLsn);",
    to: "const capable = peers.filter((peer) => peer.localStartLsn > backupLsn);",
    caughtBy: {
      file: "regress/remote-storage/safekeeper.test.ts",
      test: "local_fs safekeepers upload whole segments and the last, partial one; a timeline that left the disk comes back",
    },
  },
  {
    name: "an evicted timeline comes back without its WAL",
    file: "harness/embedded/safekeeper/timeline.ts",
    from: "await restorePartial(this.remote, partial, {",
    to: 'if (partial.name === "") await restorePartial(this.remote, partial, {',
    caughtBy: {
      file: "harness/embedded/safekeeper/backup/backup.test.ts",
      test: "a timeline that nobody uses leaves the disk, and comes back for a reader and for a proposer",
    },
  },
  {
    name: "news of one timeline goes to those who asked for another",
    file: "harness/embedded/broker/hub.ts",
    from: "[this.#everything, this.#perTimeline.get(keyOf(message)) ?? []]",
    to: "[this.#everything, ...this.#perTimeline.values()]",
    caughtBy: {
      file: "harness/embedded/broker/broker.test.ts",
      test: "storage broker routes news to those who asked for all or for this timeline",
    },
  },
  {
    name: "standbys' feedback is dropped",
    file: "harness/embedded/safekeeper/feedback.ts",
    from: "let combined = NO_HOT_STANDBY;",
    to: "let combined = NO_HOT_STANDBY;\n  if (combined === NO_HOT_STANDBY) return combined;",
    caughtBy: {
      file: "harness/embedded/compute/compute-node.test.ts",
      test: "a standby's feedback keeps the rows that it sees, until it leaves",
    },
  },
];
