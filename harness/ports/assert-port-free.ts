import { HarnessError } from "../types";
import { isFree } from "./port-block";
import { holderOf } from "./port-holder";

/** Throws PORT_TAKEN, naming who listens on 127.0.0.1:port when it can be found out. */
export async function assertPortFree(port: number, purpose = "a node"): Promise<void> {
  if (await isFree(port)) return;
  const holder = await holderOf(port);
  throw new HarnessError("PORT_TAKEN", {
    summary: `port ${port} is taken`,
    expected: `it to be free for ${purpose}`,
    found: holder === undefined ? "somebody listens on it" : `${holder} listens on it`,
    todo: "end that process, or choose another port",
    facts: { port, holder },
  });
}
