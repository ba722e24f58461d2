import { Lsn } from "../types";
import { pollUntil } from "./poll-until";
import type { PollAttempt } from "./poll-until";
import type { Readiness } from "./readiness";

/** A position that `read` gives (`last_record_lsn` of a pageserver, say) reaches `target`. */
export function lsn(what: string, read: () => Promise<Lsn> | Lsn, target: Lsn): Readiness {
  const name = `${what} reaches ${Lsn.format(target)}`;
  return {
    name,
    wait: async (context) => {
      const probe = async ({ observed }: PollAttempt) => {
        const position = await read();
        observed(Lsn.format(position));
        return position >= target;
      };
      await pollUntil(name, probe, context);
    },
  };
}
