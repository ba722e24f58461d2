import { parseArguments, UsageError } from "../service";

export interface CommandLine {
  httpPort: number;
  pgdata: string;
  pgbin: string;
  specPath: string;
  /** Where and as whom Postgres is reached over loopback. */
  postgres: { host: string; port: number; user: string };
}

function parseConnstr(text: string): CommandLine["postgres"] {
  try {
    const url = new URL(text);
    const port = url.port === "" ? 5432 : Number(url.port);
    return { host: "127.0.0.1", port, user: decodeURIComponent(url.username) || "cloud_admin" };
  } catch (error) {
    throw new UsageError(`invalid value '${text}' for '--connstr'`, { cause: error });
  }
}

/** The flags of compute_ctl as neon_local gives them (neon-protocols §1.6). Throws UsageError. */
export function parseCommandLine(argv: string[]): CommandLine {
  const flags = parseArguments(
    {
      "http-port": { kind: "number", default: 3080 },
      pgdata: { short: "D", kind: "string", required: true },
      connstr: { short: "C", kind: "string", required: true },
      pgbin: { short: "b", kind: "string", default: "postgres" },
      "spec-path": { short: "S", kind: "string", required: true },
      "remote-ext-config": { short: "r", kind: "string" },
      "compute-id": { short: "i", kind: "string" },
    },
    argv,
  );
  return {
    httpPort: flags["http-port"],
    pgdata: flags.pgdata,
    pgbin: flags.pgbin,
    specPath: flags["spec-path"],
    postgres: parseConnstr(flags.connstr),
  };
}
