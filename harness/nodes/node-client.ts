import type { ClientOptions } from "../api";
import type { AuthScope } from "../auth";
import type { NodeBinary } from "../engine";
import type { NodeContext } from "./context";

/** With which token a client of a node calls. */
export interface NodeClientOptions {
  /** Default: a token that the node takes for everything, where it asks for one. null: none at all. */
  authToken?: string | null;
}

/** What a node's own `httpClient()` tells its client: a token, what the engine can do, and whose failpoints it may set. */
export function nodeClientOptions(
  context: NodeContext,
  node: { binary: NodeBinary; scope: AuthScope | undefined },
  given: NodeClientOptions = {},
): ClientOptions {
  const { engine, failpointGuard } = context;
  const authToken = given.authToken === undefined ? defaultToken(context, node.scope) : (given.authToken ?? undefined);
  return {
    features: engine.facts.features,
    isKnownFailpoint: (name) => engine.contains(node.binary, name),
    ...(failpointGuard === undefined ? {} : { failpointGuard }),
    ...(authToken === undefined ? {} : { authToken }),
  };
}

function defaultToken({ authKeys }: NodeContext, scope: AuthScope | undefined): string | undefined {
  return scope === undefined ? undefined : authKeys?.generateToken(scope);
}
