import { chmodSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeTestDirectory } from "../testing";
import { olderBuild } from "./compatibility";
import { decodeEngine, Engine, NODE_BINARIES } from "./engine";
import { allPairsVersions, mixVersions } from "./mixed-versions";

const embedded = decodeEngine(process.env["NEON_TEST_EMBEDDED_ENGINE"] ?? "");

/** A directory that looks like an earlier release. */
function release(): { bin: string; distrib: string } {
  const dir = makeTestDirectory("neon-release");
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const programs = [...NODE_BINARIES.map((name) => join("bin", name)), "pg/v17/bin/postgres"];
  for (const program of programs) {
    mkdirSync(dirname(join(dir, program)), { recursive: true });
    writeFileSync(join(dir, program), "#!/bin/sh\n");
    chmodSync(join(dir, program), 0o755);
  }
  return { bin: join(dir, "bin"), distrib: join(dir, "pg") };
}

const environment = ({ bin, distrib }: { bin: string; distrib: string }) => ({
  COMPATIBILITY_NEON_BIN: bin,
  COMPATIBILITY_POSTGRES_DISTRIB_DIR: distrib,
});

test("each component is of the release that the combination says", async () => {
  const older = release();
  const found = await olderBuild(environment(older), undefined);
  const engine = new Engine({
    ...embedded.facts,
    olderBuild: found,
  });
  const combination = allPairsVersions.find(({ id }) => id === "nnoon")?.combination;
  if (combination === undefined) throw new Error("no such combination");
  const mixed = mixVersions(engine, combination, join(dirname(older.bin), "mix"));
  const places = Object.fromEntries(
    NODE_BINARIES.map((name) => [name, dirname(readlinkSync(mixed.binary(name))) === older.bin ? "old" : "new"]),
  );
  expect(places).toEqual({
    storage_broker: "new",
    storage_controller: "new",
    compute_ctl: "old",
    safekeeper: "old",
    pageserver: "new",
  });
  expect(mixed.facts.pgDistribDir).toBe(older.distrib);
});

test("every two components that talk to each other meet in different releases", () => {
  const pairs = [
    ["compute", "pageserver"],
    ["compute", "safekeeper"],
    ["safekeeper", "pageserver"],
    ["storage_controller", "pageserver"],
    ["storage_broker", "safekeeper"],
  ] as const;
  for (const [one, other] of pairs) {
    expect(allPairsVersions.some(({ combination }) => combination[one] !== combination[other])).toBe(true);
  }
});

test("without an earlier release nothing is mixed, and half of one is an error", async () => {
  expect(await olderBuild({}, undefined)).toBeUndefined();
  const older = release();
  await expect(olderBuild({ COMPATIBILITY_NEON_BIN: older.bin }, undefined)).rejects.toThrow(
    /^BAD_ENV: only one of .*\n.*\n {2}found: COMPATIBILITY_NEON_BIN alone\n {2}to do: set COMPATIBILITY_POSTGRES/,
  );
  const empty = olderBuild(environment({ bin: older.distrib, distrib: older.distrib }), undefined);
  await expect(empty).rejects.toThrow(/^BINARY_MISSING: COMPATIBILITY_NEON_BIN names/);
  const [same, mixed] = allPairsVersions;
  if (same === undefined || mixed === undefined) throw new Error("no combinations");
  expect(mixVersions(embedded, same.combination, "/nowhere")).toBe(embedded);
  expect(() => mixVersions(embedded, mixed.combination, "/nowhere")).toThrow(
    /^ENGINE_LACKS: there is no earlier release/,
  );
});
