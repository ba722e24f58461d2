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
