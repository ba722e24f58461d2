import { type HttpMethod, Router } from "./router";

const METHODS: readonly HttpMethod[] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/** What a route asks of a token, by method and path; the first rule that fits wins. `*` stands for any method. */
export class PermissionTable<Rule> {
  readonly #router = new Router<Rule>();

  constructor(rules: readonly (readonly [method: HttpMethod | "*", pattern: string, rule: Rule])[]) {
    for (const [method, pattern, rule] of rules) {
      for (const each of method === "*" ? METHODS : [method]) this.#router.add(each, pattern, rule);
    }
  }

  /** Undefined for what no rule speaks of: any valid token will do, and most likely there is no such route. */
  find(method: string, path: string): { rule: Rule; params: Record<string, string> } | undefined {
    const match = this.#router.find(method, path);
    return match === undefined ? undefined : { rule: match.handler, params: match.params };
  }
}
