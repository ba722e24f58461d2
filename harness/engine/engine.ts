import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "../process";
import type { PgVersion } from "../types";
import { PgVersion as Versions } from "../types";
import { programContains } from "./program-text";
import type { Feature, NeonTool } from "./features";

export const NODE_BINARIES = [
  "storage_broker",
  "safekeeper",
  "pageserver",
  "storage_controller",
  "compute_ctl",
] as const;

export type NodeBinary = (typeof NODE_BINARIES)[number];

/** An earlier release, for tests that mix versions. */
export interface OlderBuild {
  neonBin: string;
  pgDistribDir: string;
}

/** Twice what an environment with one compute takes (`npm run bench:env` measures it): many tests have more nodes. */
export interface EnvironmentCost {
  /** Bytes. */
  memory: number;
  /** Processes and their threads. */
  tasks: number;
}

/** Everything that `Engine.detect()` found out about a directory of binaries; all of it is fact, nothing is asked twice. */
export interface EngineFacts {
  /** What a person calls it, e.g. `embedded engine 0.1.0`. */
  description: string;
  neonBin: string;
  pgDistribDir: string;
  pgVersions: readonly PgVersion[];
  features: ReadonlySet<Feature>;
  /** Where the storage controller keeps its state: a file of its own, or a Postgres database that someone must start. */
  storageControllerState: "file" | "postgres";
  /** Whether a pageserver that finds no storage controller when it starts waits for a second or more to try again. */
  pageserversNeedController: boolean;
  /** Whether a timeline can start from files that somebody else put into the pageserver's remote storage. */
  takesTimelineFiles: boolean;
  /** Whether a compute's data directory belongs on tmpfs, because the engine writes the whole database into it. */
  computeDataOnTmpfs: boolean;
  environmentCost: EnvironmentCost;
  olderBuild?: OlderBuild | undefined;
  /** The unprivileged user that every node runs as when the harness was started by root. */
  identity: ProcessIdentity | undefined;
  /** Environment that every node of this engine needs, e.g. a PATH that finds its interpreter. */
  environment: Readonly<Record<string, string>>;
}

/** A directory of binaries that can be started; see docs/layout.md for the one rule. */
export class Engine {
  readonly facts: EngineFacts;

  constructor(facts: EngineFacts) {
    this.facts = facts;
  }

  binary(name: NodeBinary | NeonTool): string {
    return join(this.facts.neonBin, name);
  }

  /** Whether the node's program contains this literal: a failpoint's name is one, so another name can't be reached. */
  contains(name: NodeBinary, literal: string): Promise<boolean> {
    return programContains(this.binary(name), literal);
  }

  /** Differs for every build of the nodes and of this Postgres: what was made with one build is not for another. */
  buildKey(version: PgVersion): string {
    const programs = ["initdb", "postgres"].map((program) => this.postgresProgram(version, program));
    const facts = [...NODE_BINARIES.map((name) => this.binary(name)), ...programs].map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [path, size, mtimeMs].join("\0");
    });
    return createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 24);
  }

  /** `<POSTGRES_DISTRIB_DIR>/v17/bin/<program>`. */
  postgresProgram(version: PgVersion, program: string): string {
    return join(this.facts.pgDistribDir, Versions.dirName(version), "bin", program);
  }

  /** 17 where it is there, or else the newest that is. */
  defaultPgVersion(): PgVersion {
    const present = this.facts.pgVersions;
    return present.includes(Versions.DEFAULT) ? Versions.DEFAULT : (present.at(-1) ?? Versions.DEFAULT);
  }

  /** The needs that this engine doesn't meet; empty when a test can run. */
  missing(requires: readonly Feature[]): Feature[] {
    return requires.filter((feature) => !this.facts.features.has(feature));
  }

  /** One line for people: which engine, from where, which Postgres versions. */
  describe(): string {
    const versions = this.facts.pgVersions.map((version) => Versions.dirName(version)).join(", ");
    return `${this.facts.description} from ${this.facts.neonBin}, Postgres ${versions}`;
  }
}

type PlainFacts = Omit<EngineFacts, "features"> & { features: readonly Feature[] };

/** The facts as text, for the run's workers. */
export function encodeEngine(engine: Engine): string {
  return JSON.stringify({ ...engine.facts, features: [...engine.facts.features] } satisfies PlainFacts);
}

export function decodeEngine(text: string): Engine {
  const facts = JSON.parse(text) as PlainFacts;
  return new Engine({ ...facts, features: new Set(facts.features) });
}
