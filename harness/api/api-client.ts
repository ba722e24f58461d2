import { HarnessError } from "../types";
import type { FailpointGuard } from "./failpoint-guard";
import { HttpClient } from "./http/client";

export interface ClientOptions {
  /** A JSON web token, sent as `Bearer`; it appears in no message. */
  readonly authToken?: string;
  /** What the engine can do; a call that needs more fails before it is sent. Without it nothing is checked. */
  readonly features?: ReadonlySet<string>;
  /** Remembers the failpoints that this client sets, so that a teardown can clear them. */
  readonly failpointGuard?: FailpointGuard;
  /** Whether the node has a failpoint of this name: Neon itself answers 200 to a name that nothing ever reaches. */
  readonly isKnownFailpoint?: (name: string) => Promise<boolean>;
}

/** What all clients have: a component name for messages, an HTTP client, and the engine's features. */
export abstract class ApiClient {
  readonly http: HttpClient;
  protected readonly options: Readonly<Omit<ClientOptions, "authToken">>;

  constructor(component: string, baseUrl: string, { authToken, ...options }: ClientOptions = {}) {
    this.http = new HttpClient(component, baseUrl, authToken);
    this.options = options;
  }

  /** Throws ENGINE_LACKS where the engine's features are known and this one is not among them. */
  protected need(feature: "testing" | "failpoints", call: string): void {
    const { features } = this.options;
    if (features === undefined || features.has(feature)) return;
    throw new HarnessError("ENGINE_LACKS", {
      summary: `${this.http.component} can't ${call}: this engine was built without "${feature}"`,
      expected: `a build with the feature "${feature}"`,
      found: features.size === 0 ? "no features" : [...features].join(", "),
      todo: `state \`requires: ["${feature}"]\` in the test, so that it is skipped here, or take another build`,
      facts: { component: this.http.component, feature, call },
    });
  }
}
