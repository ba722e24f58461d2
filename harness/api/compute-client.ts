import { HttpClient } from "./http-client";

export type ComputeStatus =
  | "empty"
  | "configuration_pending"
  | "init"
  | "running"
  | "configuration"
  | "failed"
  | "termination_pending"
  | "terminated";

export interface ComputeStatusAnswer {
  start_time: string;
  tenant: string | null;
  timeline: string | null;
  status: ComputeStatus;
  last_active: string | null;
  error: string | null;
}

/** The HTTP API of compute_ctl (neon-protocols §3.4), as far as the suites need it so far. */
export class ComputeClient {
  readonly http: HttpClient;

  constructor(component: string, baseUrl: string) {
    this.http = new HttpClient(component, baseUrl);
  }

  status(): Promise<ComputeStatusAnswer> {
    return this.http.json("/status", { timeoutMs: 5_000 });
  }

  async configure(spec: unknown): Promise<void> {
    await this.http.text("/configure", { method: "POST", body: { spec }, timeoutMs: 120_000 });
  }
}
