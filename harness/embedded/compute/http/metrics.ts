import { Gauge, Registry } from "prom-client";
import { HttpReply } from "../../service";
import type { InstalledExtension } from "../catalog/report";

/** GET /metrics of compute_ctl knows of extensions only, and lists those that were found when somebody last looked. */
export class ComputeMetrics {
  readonly #registry = new Registry();
  readonly #extensions = new Gauge({
    name: "compute_installed_extensions",
    help: "Number of databases where the version of extension is installed",
    labelNames: ["extension_name", "version", "owned_by_superuser"] as const,
    registers: [this.#registry],
  });
  #empty = true;

  found(extensions: readonly InstalledExtension[]): void {
    for (const { extname, version, n_databases, owned_by_superuser } of extensions) {
      this.#extensions.set({ extension_name: extname, version, owned_by_superuser }, n_databases);
      this.#empty = false;
    }
  }

  async answer(): Promise<HttpReply> {
    const text = this.#empty ? "" : await this.#registry.metrics();
    return new HttpReply(200, text, "text/plain; version=0.0.4");
  }
}
