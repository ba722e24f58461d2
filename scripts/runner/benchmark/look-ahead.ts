import { existsSync, statfsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import type { TestCase } from "vitest/node";
import { RemotePostgres } from "../../../harness/nodes";
import { HarnessError, messageOfUnknown, PgVersion } from "../../../harness/types";
import type { Prepared } from "../prepare";
import type { BeforeRun } from "../run-selected";
import { nameOf } from "../test-name";
import { thisMachine } from "../workers";

const MEGABYTE = 1024 * 1024;

/** Looks whether the chosen benchmarks can run to their ends, before the first begins. */
export const lookAhead =
  ({ allowVersionMismatch }: { allowVersionMismatch: boolean }): BeforeRun =>
  async (tests, prepared) => {
    requireRoom(tests, prepared);
    await requireRemote(tests, prepared, allowVersionMismatch);
    if (availableParallelism() < 2) {
      process.stdout.write("note: one core: what is measured and what measures it take turns\n");
    }
  };

/** Throws MACHINE_TOO_SMALL for the first benchmark that asks for more disk or memory than there is. */
function requireRoom(tests: readonly TestCase[], { engine }: Prepared): void {
  // Where the nodes are another user's, they may work in /tmp.
  const places = [process.env["TEST_OUTPUT"] ?? ".", ...(engine.facts.identity === undefined ? [] : ["/tmp"])];
  const free = Math.min(...places.map((place) => freeMb(existing(resolve(place)))));
  const memory = thisMachine().memory / MEGABYTE;
  const systems = process.env["NEON_TEST_BENCHMARK_SIDE"] === undefined ? 1 : 2;
  for (const test of tests) {
    const needs = test.meta().benchmarkNeeds;
    const [diskMb, memoryMb] = [systems * (needs?.diskMb ?? 0), systems * (needs?.memoryMb ?? 0)];
    // Computes' data on tmpfs takes memory instead of a disk.
    const inMemory = memoryMb + (engine.facts.computeDataOnTmpfs ? diskMb : 0);
    if (diskMb > free) throw tooSmall(test, "disk", diskMb, free);
    if (inMemory > memory) throw tooSmall(test, "memory", inMemory, memory);
  }
}

/** What of a path is there already. */
const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));

function freeMb(place: string): number {
  const { bavail, bsize } = statfsSync(place);
  return (bavail * bsize) / MEGABYTE;
}

function tooSmall(test: TestCase, what: string, needed: number, there: number): HarnessError {
  return new HarnessError("MACHINE_TOO_SMALL", {
    summary: `${nameOf(test)} needs more ${what} than there is`,
    expected: `${Math.ceil(needed)} MB of ${what}`,
    found: `${Math.floor(there)} MB`,
    todo: "take a smaller --scale, leave it out with -k, or free some",
  });
}

/** The reason with the way out: a run that is told of no remote measures everything else. */
const refused =
  (connstr: string) =>
  (cause: unknown): never => {
    throw new HarnessError("SQL_ERROR", {
      summary: `the Postgres of BENCHMARK_CONNSTR, at ${new URL(connstr).host}, can't be measured`,
      expected: "one that takes connections and queries",
      found: messageOfUnknown(HarnessError.is(cause) && cause.cause !== undefined ? cause.cause : cause),
      todo: "correct BENCHMARK_CONNSTR, or unset it to measure the other systems",
      cause,
    });
  };

/** Throws what is wrong with BENCHMARK_CONNSTR: its form, whoever answers there, or their version. */
async function requireRemote(tests: readonly TestCase[], { versions }: Prepared, anyVersion: boolean): Promise<void> {
  const connstr = process.env["BENCHMARK_CONNSTR"];
  if (!connstr || !tests.some((test) => test.name.endsWith("[remote]"))) return;
  const [row] = await new RemotePostgres(connstr).query("show server_version").catch(refused(connstr));
  const found = PgVersion.parse(/^\d+/.exec(String(row?.["server_version"]))?.[0] ?? "");
  if (anyVersion || versions.includes(found)) return;
  throw new HarnessError("BAD_PG_VERSION", {
    summary: "the Postgres of BENCHMARK_CONNSTR has another version than those it would be compared with",
    expected: versions.map((version) => PgVersion.dirName(version)).join(", "),
    found: PgVersion.dirName(found),
    todo: `say --pg-version ${found}, or --allow-version-mismatch`,
  });
}
