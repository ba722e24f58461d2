import { HarnessError, messageOfUnknown } from "../../types";

/** Why a server can't start: PORT_TAKEN, or BAD_VALUE for a directory that can't be written to. */
export function startError(
  error: unknown,
  { port, dir }: { port?: number | undefined; dir?: string | undefined },
): HarnessError {
  const found = messageOfUnknown(error);
  const isTaken = found.includes("EADDRINUSE");
  const mayNotListen = found.includes("listen EACCES");
  const isPort = isTaken || mayNotListen;
  return new HarnessError(isTaken ? "PORT_TAKEN" : "BAD_VALUE", {
    summary: "the S3 server can't start",
    expected: isPort ? `port ${port} to be free for us` : `a directory that can be written to: ${dir}`,
    found,
    todo: isPort ? "name another port, or none at all" : "name another directory",
  });
}
