import { badRequest, HttpReply, type HttpService, notFound } from "../service";
import type { Controller } from "./controller";

/** What the controller knows of a safekeeper: only what it was told. */
export interface SafekeeperRecord {
  id: number;
  region_id: string;
  version: number;
  host: string;
  port: number;
  http_port: number;
  availability_zone_id: string;
  scheduling_policy: string;
}

type UpsertRequest = Omit<SafekeeperRecord, "scheduling_policy">;

function idOf(params: Record<string, string>): number {
  const id = Number(params["id"]);
  if (!Number.isSafeInteger(id)) throw badRequest("failed to parse id");
  return id;
}

/** `/control/v1/safekeeper`: a register of safekeepers, which nothing here schedules on. */
export function addSafekeeperApi(http: HttpService, controller: Controller): void {
  const { safekeepers, store } = controller;
  const known = (params: Record<string, string>): SafekeeperRecord => {
    const found = safekeepers.get(idOf(params));
    if (found === undefined) throw notFound("unknown instance id");
    return found;
  };
  http.route("GET", "/control/v1/safekeeper", () => [...safekeepers.values()].toSorted((a, b) => a.id - b.id));
  http.route("GET", "/control/v1/safekeeper/:id", ({ params }) => known(params));
  http.route("POST", "/control/v1/safekeeper/:id", async (request) => {
    const { id, region_id, version, host, port, http_port, availability_zone_id } = await request.json<UpsertRequest>();
    if (id !== idOf(request.params)) throw badRequest("id mismatch: the path and the body name different safekeepers");
    const scheduling_policy = safekeepers.get(id)?.scheduling_policy ?? "Pause";
    safekeepers.set(id, {
      ...{ id, region_id, version, host, port, http_port, availability_zone_id },
      scheduling_policy,
    });
    await store.save();
    return new HttpReply(204, "", "");
  });
  http.route("POST", "/control/v1/safekeeper/:id/scheduling_policy", async (request) => {
    const { scheduling_policy } = await request.json<{ scheduling_policy: string }>();
    known(request.params).scheduling_policy = scheduling_policy;
    await store.save();
    return new HttpReply(204, "", "");
  });
}
