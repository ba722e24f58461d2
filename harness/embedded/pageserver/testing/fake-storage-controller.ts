import { createLogger, HttpService } from "../../service";

/** Answers re-attach as the storage controller does: each tenant in a new generation. Remembers who registered. */
export class FakeStorageController {
  readonly tenants = new Map<string, number>();
  readonly registrations: unknown[] = [];
  readonly #http = new HttpService(createLogger(() => undefined));

  async start(): Promise<void> {
    this.#http.route("POST", "/upcall/v1/re-attach", async (request) => {
      const body = await request.json<{ register?: unknown }>();
      this.registrations.push(body.register);
      return {
        tenants: [...this.tenants.keys()].map((id) => ({ id, gen: this.nextGeneration(id), mode: "AttachedSingle" })),
      };
    });
    this.#http.route("POST", "/upcall/v1/validate", async (request) => {
      const { tenants } = await request.json<{ tenants: { id: string; gen: number }[] }>();
      return { tenants: tenants.map(({ id, gen }) => ({ id, valid: this.tenants.get(id) === gen })) };
    });
    await this.#http.listen("127.0.0.1", 0);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#http.port}/upcall/v1/`;
  }

  nextGeneration(tenantId: string): number {
    const generation = (this.tenants.get(tenantId) ?? 0) + 1;
    this.tenants.set(tenantId, generation);
    return generation;
  }

  stop(): Promise<void> {
    return this.#http.close();
  }
}
