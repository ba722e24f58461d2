import type { Mutant } from "../mutant";

/** Timelines, pages, garbage collection, clients. */
export const pageserver: readonly Mutant[] = [
  {
    name: "branch one record too far",
    file: "harness/embedded/pageserver/tenants/create-timeline.ts",
    from: "return floorToRecord(ancestor, aligned < first ? first : aligned);",
    to: "return floorToRecord(ancestor, aligned < first ? first : aligned + 64n);",
    caughtBy: { file: "regress/branching.test.ts", test: "a branch has what its LSN has, and not one record more" },
  },
  {
    name: "a branch at the head, whatever LSN is asked for",
    file: "harness/embedded/pageserver/tenants/create-timeline.ts",
    from: 'typeof request.ancestor_start_lsn === "string" ? lsnFrom(request.ancestor_start_lsn) : undefined;\n  const held',
    to: "undefined as Lsn | undefined;\n  const held",
    caughtBy: { file: "regress/branching.test.ts", test: "a branch can be made at an LSN in the past" },
  },
  {
    name: "page of the wrong LSN",
    file: "harness/embedded/pageserver/page-service/materialized-images.ts",
    from: "image.timeline === timeline && image.lsn >= from && image.lsn <= to",
    to: "image.timeline === timeline && image.lsn <= to",
    caughtBy: {
      file: "regress/pages.test.ts",
      test: "pages at several LSNs are those that a compute at that LSN has",
    },
  },
  {
    name: "the page after the one that is asked for",
    file: "harness/embedded/pageserver/page-service/page-files.ts",
    from: "(blkno % PAGES_PER_FILE) * PAGE_SIZE",
    to: "((blkno + 1) % PAGES_PER_FILE) * PAGE_SIZE",
    caughtBy: {
      file: "regress/pages.test.ts",
      test: "pages at several LSNs are those that a compute at that LSN has",
    },
  },
  {
    name: "a deleted timeline stays in the manifest",
    file: "harness/embedded/pageserver/tenants/load-timelines.ts",
    from: "  await forgetDeleted(tenant, new Set(names));\n",
    to: "",
    caughtBy: {
      file: "regress/timelines/archive.test.ts",
      test: "of an offloaded timeline whose deletion breaks off before its last step, nothing is left after a restart",
    },
  },
  {
    name: "shutdown held by a slow reader",
    file: "harness/embedded/pageserver/timeline/timeline.ts",
    from: "    this.sessions.destroyAll();\n",
    to: "",
    caughtBy: {
      file: "regress/slow-reader.test.ts",
      test: "a tenant detaches while a client sends page requests and never reads",
    },
  },
  {
    name: "GC past a branch point",
    file: "harness/embedded/pageserver/tenants/collect-garbage.ts",
    from: "branches: branchPoints(tenant, timeline),",
    to: "branches: [],",
    caughtBy: {
      file: "regress/garbage-collection.test.ts",
      test: "garbage collection keeps what a branch began with, and nobody can branch off there any more",
    },
  },
  {
    name: "lease ignored",
    file: "harness/embedded/pageserver/tenants/collect-garbage.ts",
    from: "leases: timeline.leases.held() };",
    to: "leases: [] };",
    caughtBy: {
      file: "regress/garbage-collection.test.ts",
      test: "garbage collection keeps an LSN that somebody has leased, to the end of the lease",
    },
  },
  {
    name: "PITR ignored",
    file: "harness/embedded/pageserver/tenants/collect-garbage.ts",
    from: "if (interval === 0) return { horizon, pitr",
    to: "if (interval >= 0) return { horizon, pitr",
    caughtBy: {
      file: "regress/garbage-collection.test.ts",
      test: "garbage collection keeps the history of pitr_interval, and no longer than it is set",
    },
  },
  {
    name: "WAL is taken without its checksum",
    file: "harness/embedded/pageserver/walreceiver/wal-connection.ts",
    from: "      checkCrc: true,\n",
    to: "",
    caughtBy: {
      file: "harness/embedded/pageserver/bad-input.test.ts",
      test: "a record that a safekeeper sends damaged is refused with its name, and taken when it comes whole",
    },
  },
  {
    name: "a damaged layer is used",
    file: "harness/embedded/pageserver/layers/layer.ts",
    from: "return this.checksum === undefined ||",
    to: "return this.checksum !== undefined ||",
    caughtBy: {
      file: "harness/embedded/pageserver/bad-input.test.ts",
      test: "image layer: damaged in remote storage, it is named and not used",
    },
  },
  {
    name: "prepared transactions are left out of images",
    file: "harness/embedded/pg/seal.ts",
    from: "return new Set(names.filter(isLate)",
    to: "return new Set(names.filter(() => true)",
    caughtBy: {
      file: "regress/transactions.test.ts",
      test: "prepared transactions and empty unlogged tables are in the pageserver's images",
    },
  },
  {
    name: "empty files are left out of images",
    file: "harness/embedded/pg/image-writer.ts",
    from: "const { size } = await stat(path);\n",
    to: "const { size } = await stat(path);\n  if (size === 0) return;\n",
    caughtBy: {
      file: "regress/transactions.test.ts",
      test: "prepared transactions and empty unlogged tables are in the pageserver's images",
    },
  },
  {
    name: "an LSN is not waited for",
    file: "harness/embedded/pageserver/page-service/request-lsn.ts",
    from: "    await timeline.waitLsn(notModifiedSince);\n",
    to: "",
    caughtBy: {
      file: "harness/embedded/pageserver/walreceiver/walreceiver.test.ts",
      test: "an LSN that does not come is an error after wait_lsn_timeout",
    },
  },
  {
    name: "all pages on shard zero",
    file: "harness/embedded/pageserver/page-service/shard-of.ts",
    from: "return hash % layout.count;",
    to: "return hash % 1;",
    caughtBy: {
      file: "harness/embedded/pageserver/tenants/split-shard.test.ts",
      test: "which shard holds a page is what Neon's own test says",
    },
  },
  {
    name: "another tenant's token is good enough",
    file: "harness/embedded/pageserver/http/permissions.ts",
    from: "if (tenant !== undefined) check(claims, tenant);",
    to: "",
    caughtBy: {
      file: "regress/auth.test.ts",
      test: "a pageserver's HTTP API takes a tenant's token for that tenant, and its own for all",
    },
  },
  {
    name: "keys are never read again",
    file: "harness/embedded/service/auth.ts",
    from: "this.#keys = await readKeys(this.#path);",
    to: "await readKeys(this.#path);",
    caughtBy: {
      file: "regress/auth.test.ts",
      test: "a pageserver that reloads its key accepts tokens of the new one only",
    },
  },
];
