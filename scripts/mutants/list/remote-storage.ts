import type { Mutant } from "../mutant";

/** What a pageserver keeps in remote storage, and in which generation. */
export const remoteStorage: readonly Mutant[] = [
  {
    name: "deletion without validation",
    file: "harness/embedded/pageserver/tenants/validate-generations.ts",
    from: "if (controlPlaneApi === undefined) return",
    to: 'if (controlPlaneApi !== "") return',
    caughtBy: {
      file: "regress/remote-storage/generations.test.ts",
      test: "local_fs what is not needed any more is deleted only when the storage controller confirms the generation",
    },
  },
  {
    name: "offload forgotten",
    file: "harness/embedded/pageserver/tenants/offload-timeline.ts",
    from: "    // In remote storage first: what this disk loses must be known as offloaded.\n    await uploadManifest(tenant);",
    to: "",
    caughtBy: {
      file: "regress/remote-storage/layers.test.ts",
      test: "local_fs a timeline that is archived and offloaded comes back as it was",
    },
  },
  {
    name: "layers that left the disk are not fetched",
    file: "harness/embedded/pageserver/layers/layer.ts",
    from: "if (!this.resident) await this.#fetch();",
    to: "if (!this.resident && this.fileSize === 0) await this.#fetch();",
    caughtBy: {
      file: "regress/remote-storage/layers.test.ts",
      test: "local_fs layers that are evicted come back when somebody needs them",
    },
  },
  {
    name: "archived, and not remembered",
    file: "harness/embedded/pageserver/remote/index-part.ts",
    from: "...(part.archivedAt === undefined ? {} : { archived_at: part.archivedAt }),",
    to: "",
    caughtBy: {
      file: "regress/remote-storage/layers.test.ts",
      test: "local_fs a timeline that is archived and offloaded comes back as it was",
    },
  },
  {
    name: "layer lost on restart",
    file: "harness/embedded/pageserver/tenants/load-timelines.ts",
    from: "of index.layers) {",
    to: "of [...index.layers].slice(0, -1)) {",
    caughtBy: {
      file: "regress/tenants.test.ts",
      test: "a tenant that is detached and attached again has all its rows",
    },
  },
];
