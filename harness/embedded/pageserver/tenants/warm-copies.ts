import { errorText } from "../../service";
import type { Tenant } from "./tenant";
import { uploadHeatmap } from "./upload-heatmap";

const CHECK_MS = 1000;

/** Keeps secondaries warm, and the heatmaps of attached tenants new. */
export class WarmCopies {
  readonly #tenants: () => readonly Tenant[];
  readonly #uploads = new WeakMap<Tenant, { at: number; busy: boolean }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tenants: () => readonly Tenant[]) {
    this.#tenants = tenants;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    for (const tenant of this.#tenants()) {
      tenant.secondary?.tick();
      if (tenant.state === "Active" && tenant.conf.mode === "AttachedSingle") this.#upload(tenant);
    }
  }

  #upload(tenant: Tenant): void {
    const period = tenant.effectiveConf.milliseconds("heatmap_period");
    const last = this.#uploads.get(tenant) ?? { at: performance.now(), busy: false };
    this.#uploads.set(tenant, last);
    if (period === 0 || last.busy || performance.now() - last.at < period) return;
    last.busy = true;
    uploadHeatmap(tenant)
      .catch((error: unknown) => {
        if (tenant.state === "Active") tenant.log.warn(`uploading the heatmap failed, will retry: ${errorText(error)}`);
      })
      .finally(() => Object.assign(last, { at: performance.now(), busy: false }));
  }
}
