import { ApiError, errorText, type Logger } from "../service";
import type { ComputeSpec } from "./spec";

export type ComputeStatus =
  | "empty"
  | "configuration_pending"
  | "init"
  | "running"
  | "configuration"
  | "failed"
  | "termination_pending"
  | "terminated";

/** Names and units as in GET /metrics.json of compute_ctl. */
export class StartupMetrics {
  readonly #started = performance.now();
  readonly #values: Record<string, number> = {
    wait_for_spec_ms: 0,
    sync_sk_check_ms: 0,
    sync_safekeepers_ms: 0,
    pageserver_connect_micros: 0,
    basebackup_ms: 0,
    basebackup_bytes: 0,
    start_postgres_ms: 0,
    config_ms: 0,
    total_startup_ms: 0,
    load_ext_ms: 0,
    num_ext_downloaded: 0,
    largest_ext_size: 0,
    total_ext_download_size: 0,
  };

  /** Runs a step of the start and keeps its duration in ms under that name. */
  async time<T>(name: string, step: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await step();
    } finally {
      this.#values[name] = Math.round(performance.now() - began);
    }
  }

  set(name: string, value: number): void {
    this.#values[name] = Math.round(value);
  }

  finished(): void {
    this.#values["total_startup_ms"] = Math.round(performance.now() - this.#started);
  }

  toJSON(): Record<string, number> {
    return this.#values;
  }
}

/** What GET /status tells. */
export class ComputeState {
  readonly startTime = new Date().toISOString();
  readonly metrics = new StartupMetrics();
  readonly #log: Logger;
  #spec: ComputeSpec | undefined;
  #specChange = new AbortController();
  #status: ComputeStatus = "init";
  #error: string | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  get spec(): ComputeSpec | undefined {
    return this.#spec;
  }

  set spec(spec: ComputeSpec | undefined) {
    this.#spec = spec;
    const change = this.#specChange;
    this.#specChange = new AbortController();
    change.abort();
  }

  /** Aborted when the next specification is set. */
  get specChanged(): AbortSignal {
    return this.#specChange.signal;
  }

  get status(): ComputeStatus {
    return this.#status;
  }

  get error(): string | null {
    return this.#error;
  }

  /** Throws 412 in any other state. */
  require(status: ComputeStatus): void {
    if (status !== this.#status) throw new ApiError(412, `invalid compute status: ${this.#status}`);
  }

  change(status: ComputeStatus): void {
    if (status === this.#status) return;
    this.#log.info(`Changing compute status from ${this.#status} to ${status}`);
    this.#status = status;
  }

  fail(error: unknown): void {
    this.#error = errorText(error);
    this.change("failed");
  }

  toJSON() {
    return {
      start_time: this.startTime,
      tenant: this.spec?.tenantId ?? null,
      timeline: this.spec?.timelineId ?? null,
      status: this.#status,
      last_active: null,
      error: this.#error,
    };
  }
}
