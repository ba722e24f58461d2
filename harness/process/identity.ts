import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { HarnessError } from "../types";

/** Who a child process runs as. */
export interface ProcessIdentity {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

const DEFAULT_USER = "nobody";

/**
 * The user for what must not be root (Postgres, and all of real Neon): `NEON_TEST_USER`, default `nobody`.
 * `undefined` when we are not root, for then everything runs as ourselves. Throws NO_TEST_USER.
 */
export function resolveTestUser(env: NodeJS.ProcessEnv = process.env): ProcessIdentity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const name = env["NEON_TEST_USER"] ?? DEFAULT_USER;
  const identity = fromPasswd(name) ?? fromIdCommand(name);
  if (identity === undefined) throw noTestUser(name, "no such user on this machine");
  if (identity.uid === 0) throw noTestUser(name, "that user is root, too");
  return identity;
}

/** For the first line of a run: `nobody (uid 65534), for the run was started by root`, or our own name. */
export function describeUser(identity: ProcessIdentity | undefined): string {
  if (identity === undefined) return `uid ${process.getuid?.() ?? "unknown"}`;
  return `${identity.name} (uid ${identity.uid}), for the run was started by root`;
}

function fromPasswd(name: string): ProcessIdentity | undefined {
  const rows = readFileSync("/etc/passwd", "utf8").split("\n");
  const row = rows.map((line) => line.split(":")).find((fields) => fields[0] === name);
  return row === undefined ? undefined : identityOf(name, row[2], row[3]);
}

/** `id` also knows the users that LDAP, or macOS' directory service, knows. */
function fromIdCommand(name: string): ProcessIdentity | undefined {
  const ask = (flag: string): string => spawnSync("id", [flag, "--", name], { encoding: "utf8" }).stdout ?? "";
  return identityOf(name, ask("-u"), ask("-g"));
}

function identityOf(name: string, uidText = "", gidText = ""): ProcessIdentity | undefined {
  if (uidText.trim() === "" || gidText.trim() === "") return undefined;
  // macOS writes nobody's ids as -2; the kernel knows them as unsigned numbers.
  const [uid, gid] = [Number(uidText) >>> 0, Number(gidText) >>> 0];
  return { uid, gid, name };
}

function noTestUser(name: string, found: string): HarnessError {
  return new HarnessError("NO_TEST_USER", {
    summary: "started by root, but there is no unprivileged user to run Postgres and Neon as",
    expected: `the user ${JSON.stringify(name)} (setting NEON_TEST_USER, default ${DEFAULT_USER})`,
    found,
    todo: "set NEON_TEST_USER to a user that exists and is not root, or start the run as an ordinary user",
    facts: { user: name },
  });
}
