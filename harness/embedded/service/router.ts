export type HttpMethod = "GET" | "POST" | "PUT" | "DELETE" | "PATCH";

interface Route<Handler> {
  method: HttpMethod;
  pattern: string;
  segments: string[];
  handler: Handler;
}

export interface RouteMatch<Handler> {
  handler: Handler;
  pattern: string;
  params: Record<string, string>;
}

function segmentsOf(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "");
}

function matchSegments(pattern: string[], path: string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of pattern.entries()) {
    if (segment === "*") return { ...params, "*": path.slice(index).join("/") };
    const actual = path[index];
    if (actual === undefined) return undefined;
    if (segment.startsWith(":")) params[segment.slice(1)] = decodeURIComponent(actual);
    else if (segment !== actual) return undefined;
  }
  return pattern.length === path.length ? params : undefined;
}

/** Patterns of `/literal/:name/*`; the first added that fits wins, so literals go before names. Trailing slashes do not count. */
export class Router<Handler> {
  readonly #routes: Route<Handler>[] = [];

  add(method: HttpMethod, pattern: string, handler: Handler): void {
    this.#routes.push({ method, pattern, segments: segmentsOf(pattern), handler });
  }

  find(method: string, path: string): RouteMatch<Handler> | undefined {
    const segments = segmentsOf(path);
    for (const route of this.#routes) {
      if (route.method !== method) continue;
      const params = matchSegments(route.segments, segments);
      if (params !== undefined) return { handler: route.handler, pattern: route.pattern, params };
    }
    return undefined;
  }
}
