import { AuthError, type HttpRequest, orForbidden, PermissionTable, type Scope } from "../service";

/** The scope that each route asks for; `admin` is good for everything, and what stands here with "any" for everybody. */
const RULES = new PermissionTable<Scope | "any">([
  ["*", "/upcall/v1/*", "generations_api"],
  ["PUT", "/debug/v1/failpoints", "any"],
  ["POST", "/debug/v1/tenant/:tenant/drop", "pageserverapi"],
  ["POST", "/debug/v1/tenant/:tenant/import", "pageserverapi"],
  ["*", "/debug/v1/*", "admin"],
  ["POST", "/control/v1/node", "infra"],
  ["GET", "/control/v1/node", "infra"],
  ["GET", "/control/v1/node/:id", "infra"],
  ["*", "/control/v1/node/:id/drain", "infra"],
  ["*", "/control/v1/node/:id/fill", "infra"],
  ["POST", "/control/v1/safekeeper/:id/scheduling_policy", "admin"],
  ["*", "/control/v1/safekeeper", "infra"],
  ["*", "/control/v1/safekeeper/*", "infra"],
  ["POST", "/control/v1/metadata_health/update", "scrubber"],
  ["PUT", "/control/v1/step_down", "controller_peer"],
  ["GET", "/control/v1/tenant/:tenant", "scrubber"],
  ["*", "/control/v1/*", "admin"],
  ["*", "/v1/*", "pageserverapi"],
]);

/** Refuses a request whose token has not the scope that its route asks for. */
export function requirePermission({ claims, method, path }: HttpRequest): void {
  if (claims === undefined || claims.scope === "admin") return;
  const rule = RULES.find(method, path)?.rule ?? "any";
  if (rule === "any" || rule === claims.scope) return;
  orForbidden(() => {
    throw new AuthError(`scope ${claims.scope}, but ${rule} is needed`);
  });
}
