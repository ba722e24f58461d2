import type { Command } from "../command/command";

type Loader = () => Promise<Command>;

/** What runs when no command is named. */
export const DEFAULT_COMMAND = "test";

/** Every command by its name. Only the one that is asked for is loaded, for most of a command's start is loading. */
export const COMMANDS: Readonly<Record<string, Loader>> = {
  [DEFAULT_COMMAND]: async () => (await import("./test")).test,
  performance: async () => (await import("./performance")).performance,
  scrub: async () => (await import("./scrub")).scrub,
  s3: async () => (await import("./s3")).s3,
  postgres: async () => (await import("./postgres")).postgres,
  attach: async () => (await import("./attach")).attach,
  down: async () => (await import("./down")).down,
  doctor: async () => (await import("./doctor")).doctor,
  clean: async () => (await import("./clean")).clean,
  "merge-reports": async () => (await import("./merge-reports")).mergeReports,
  up: async () => (await import("./up")).up,
};
