import type { RemoteStorage } from "../../storage";
import { HarnessError } from "../../types";
import type { TenantId } from "../../types";
import type { NodeContext } from "../context";
import { runTool } from "./run-tool";

/** What `scan-metadata --json` prints, as far as it is read here; lists per shard, with `--verbose`. */
export interface ScanSummary {
  tenant_count: number;
  timeline_count: number;
  with_errors?: Record<string, string[]>;
  with_warnings?: Record<string, string[]>;
  [key: string]: unknown;
}

export interface ScanOptions {
  nodeKind?: "pageserver" | "safekeeper";
  /** Tells the storage controller, which must run, which shards are healthy. */
  post?: boolean;
  timelineLsns?: readonly unknown[];
  environment?: Readonly<Record<string, string>>;
}

const SCAN_MS = 60_000;

/** Neon's program that looks through a bucket for what can't be right. It knows no folders. */
export class StorageScrubber {
  readonly #context: NodeContext;
  readonly #storage: RemoteStorage;
  readonly #controllerUrl: string | undefined;
  /** Errors and warnings that a test expects. */
  readonly allowedErrors: RegExp[] = [];

  /** Without a storage controller it can do what asks for none, scanMetadata without `post` among that. */
  constructor(context: NodeContext, storage: RemoteStorage, controllerUrl?: string) {
    this.#context = context;
    this.#storage = storage;
    this.#controllerUrl = controllerUrl;
  }

  /** Runs any subcommand and returns its stdout. Throws MISUSE for a storage that is no bucket. */
  async run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const controller = this.#controllerUrl === undefined ? [] : [`--controller-api=${this.#controllerUrl}`];
    const { stdout } = await runTool(
      this.#context,
      this.#context.engine.binary("storage_scrubber"),
      [...controller, ...args],
      {
        timeoutMs: SCAN_MS,
        environment: { ...this.#bucket(), RUST_LOG: "INFO", PAGESERVER_DISABLE_FILE_LOGGING: "1", ...environment },
      },
    );
    return stdout;
  }

  #bucket(): Record<string, string> {
    const { bucket_name: bucket, bucket_region: region, prefix_in_bucket: prefix, endpoint } = this.#storage.toml();
    if (typeof bucket !== "string") {
      throw new HarnessError("MISUSE", {
        summary: "storage_scrubber looks through buckets only",
        expected: "a remote storage of the kind mock_s3 or real_s3",
        found: this.#storage.describe(),
      });
    }
    return {
      ...this.#storage.environment(),
      BUCKET: bucket,
      REGION: String(region),
      // Without one it would look below a prefix of its own.
      BUCKET_PREFIX: typeof prefix === "string" ? prefix : "",
      ...(typeof endpoint === "string" ? { AWS_ENDPOINT_URL: endpoint } : {}),
    };
  }

  async scanMetadata(options: ScanOptions = {}): Promise<ScanSummary> {
    const kind = options.nodeKind ?? "pageserver";
    const lsns = options.timelineLsns === undefined ? [] : ["--timeline-lsns", JSON.stringify(options.timelineLsns)];
    const post = options.post === true ? ["--post"] : [];
    const verbose = kind === "pageserver" ? ["--verbose"] : [];
    const args = ["scan-metadata", "--node-kind", kind, "--json", ...post, ...lsns, ...verbose];
    return JSON.parse(await this.run(args, options.environment)) as ScanSummary;
  }

  /** Everything that a scan complains of, but for what the test expects. */
  complaints(summary: ScanSummary): string[] {
    const all = [summary.with_errors, summary.with_warnings].flatMap((shards) =>
      Object.entries(shards ?? {}).flatMap(([shard, lines]) => lines.map((line) => `${shard}: ${line}`)),
    );
    return all.filter((line) => !this.allowedErrors.some((pattern) => pattern.test(line)));
  }

  /** Downloads all that a tenant has, into a directory that the nodes' user can write to. */
  async tenantSnapshot(tenantId: TenantId, outputPath: string): Promise<void> {
    await this.run(["tenant-snapshot", "--tenant-id", tenantId, "--output-path", outputPath]);
  }

  /** Deletes what no index names any more and is older than this. */
  async pageserverPhysicalGc(options: {
    minAgeSeconds: number;
    tenantIds?: readonly TenantId[];
    mode?: string;
  }): Promise<Record<string, unknown>> {
    const tenants = (options.tenantIds ?? []).flatMap((id) => ["--tenant-id", id]);
    const mode = options.mode === undefined ? [] : ["--mode", options.mode];
    const args = ["pageserver-physical-gc", "--min-age", `${options.minAgeSeconds}s`, ...tenants, ...mode];
    return JSON.parse(await this.run(args)) as Record<string, unknown>;
  }
}
