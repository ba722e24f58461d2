import type { Mutant } from "../mutant";

export const storageController: readonly Mutant[] = [
  {
    name: "stale generation accepted",
    file: "harness/embedded/storage-controller/upcalls.ts",
    from: "valid: shard.record.generation === gen",
    to: "valid: shard.record.generation >= gen",
    caughtBy: {
      file: "regress/remote-storage/generations.test.ts",
      test: "local_fs a pageserver that was replaced without knowing overwrites nothing of its successor's, and promises nothing",
    },
  },
  {
    name: "re-attach in the same generation",
    file: "harness/embedded/storage-controller/upcalls.ts",
    from: "    shard.record.generation += 1;\n",
    to: "",
    caughtBy: {
      file: "regress/pageserver-restart.test.ts",
      test: "every re-attach gives the pageserver a higher generation",
    },
  },
  {
    name: "every scope is good for every call",
    file: "harness/embedded/storage-controller/permissions.ts",
    from: 'if (rule === "any" || rule === claims.scope) return;',
    to: 'if (rule !== "") return;',
    caughtBy: { file: "regress/auth.test.ts", test: "the storage controller asks for a scope by the kind of call" },
  },
  {
    name: "a migration that does not wait for the WAL",
    file: "harness/embedded/storage-controller/live-migration.ts",
    from: "  await awaitLsns(parts, destination, name, baseline);\n",
    to: "",
    caughtBy: {
      file: "harness/embedded/storage-controller/operations.test.ts",
      test: "a live migration leaves no moment without an attachment that has everything",
    },
  },
  {
    name: "generations only in memory",
    file: "harness/embedded/storage-controller/store.ts",
    from: "return writeFileDurably(this.#path, serialize(this.#snapshot()));",
    to: "return Promise.resolve();",
    caughtBy: {
      file: "harness/embedded/storage-controller/kill.test.ts",
      test: "generations survive a SIGKILL right after the answer; SIGTERM ends it with 0",
    },
  },
];
