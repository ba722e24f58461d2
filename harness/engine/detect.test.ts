import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTestDirectory } from "../testing";
import type { HarnessError } from "../types";
import { detectEngine } from "./detect";
import { decodeEngine, encodeEngine, NODE_BINARIES } from "./engine";
import { requirePgVersion } from "./executables";

const embedded = decodeEngine(process.env["NEON_TEST_EMBEDDED_ENGINE"] ?? "");
const dir = makeTestDirectory("neon-engines");
const isRoot = process.getuid?.() === 0;

/** `<dir>/<name>` with the five programs, which are shell scripts of this text. */
function binaries(name: string, text: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  for (const binary of NODE_BINARIES) {
    writeFileSync(join(path, binary), `#!/bin/sh\n${text}\n`);
    chmodSync(join(path, binary), 0o755);
  }
  return path;
}

beforeAll(() => {
  mkdirSync(join(dir, "empty"));
  binaries("broken", "echo 'libpq.so.5: cannot open shared object file' >&2; exit 127");
  binaries("fine", `echo 'Neon page server git:abc failpoints: true, features: ["testing"]'`);
  binaries("foreign", "echo 'busybox 1.36'");
  const mixed = `case $0 in */safekeeper) r=${"b".repeat(40)};; */storage_controller) r=${"a".repeat(40)}-modified;; *) r=${"a".repeat(40)};; esac`;
  binaries("mixed", `${mixed}; echo "Neon node git:$r failpoints: true, features: [\\"testing\\"]"`);
  postgres("plain", 16);
  postgres("only-v16", 16);
  for (const path of ["lib/neon.so", "share/extension/neon.control"]) {
    mkdirSync(dirname(join(dir, "only-v16", "v16", path)), { recursive: true });
    writeFileSync(join(dir, "only-v16", "v16", path), "");
  }
});

function postgres(name: string, version: number): void {
  const path = join(dir, name, `v${version}`, "bin", "postgres");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
}

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const detect = (settings: Record<string, string>) => detectEngine({ PATH: process.env["PATH"], ...settings });
const at = (name: string): string => (name === "" || name.startsWith("/") ? name : join(dir, name));

describe("an engine that can't be used is one error of the user's, with what was expected and found", () => {
  test.for<[string, string, string | undefined, string, RegExp]>([
    [
      "NEON_BIN that isn't there",
      "none",
      "only-v16",
      "BINARY_MISSING",
      /expected: .*safekeeper.*\n {2}found: no .*pageserver/,
    ],
    ["NEON_BIN without binaries", "empty", "only-v16", "BINARY_MISSING", /NEON_BIN names .*empty/],
    ["NEON_BIN that is a file", "/etc/passwd", "only-v16", "BINARY_MISSING", /NEON_BIN names \/etc\/passwd/],
    ["NEON_BIN alone", "fine", undefined, "BAD_ENV", /POSTGRES_DISTRIB_DIR is not\n.*v14 … v17.*\n {2}found: nothing/],
    [
      "no such POSTGRES_DISTRIB_DIR",
      "fine",
      "none",
      "POSTGRES_VERSION_MISSING",
      /bin\/postgres\n {2}found: no such directory/,
    ],
    ["no Postgres in it", "fine", "empty", "POSTGRES_VERSION_MISSING", /found: an empty directory/],
    [
      "a binary that doesn't run",
      "broken",
      "only-v16",
      "BINARY_BROKEN",
      /--version.*\n {2}found: exit code 127, libpq\.so\.5/,
    ],
    [
      "binaries of somebody else's",
      "foreign",
      "only-v16",
      "BINARY_BROKEN",
      /is not Neon's .*\n.*\n {2}found: busybox 1\.36/,
    ],
    [
      "a Postgres without the neon extension",
      "fine",
      "plain",
      "BINARY_MISSING",
      /v16 is a Postgres without the neon extension\n.*\n {2}found: no lib\/neon\.so, no share\/extension\/neon\.control/,
    ],
    [
      "binaries of different revisions",
      "mixed",
      "only-v16",
      "MIXED_REVISIONS",
      /mixed are of different revisions\n.*\n {2}found: storage_broker, pageserver, storage_controller, compute_ctl of a{40}; safekeeper of b{40}\n.*COMPATIBILITY_NEON_BIN/,
    ],
    ["no Postgres for the embedded engine", "", "empty", "POSTGRES_VERSION_MISSING", /found: an empty directory/],
  ])("%s", async ([, neonBin, distribDir, code, message]) => {
    const settings: Record<string, string> = distribDir === undefined ? {} : { POSTGRES_DISTRIB_DIR: at(distribDir) };
    const error: unknown = await detect({ NEON_BIN: at(neonBin), ...settings }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, fault: "user", message: expect.stringMatching(message) as unknown });
    expect((error as HarnessError).message).toMatch(/\n {2}to do: /);
    expect((error as HarnessError).stack).not.toMatch(/^\s+at /m);
  });

  test.runIf(isRoot).for([
    ["nobody-knows-them", /the user "nobody-knows-them".*\n {2}found: no such user/],
    ["root", /found: that user is root, too/],
  ] as const)("NEON_TEST_USER=%s", async ([user, message]) => {
    await expect(detect({ NEON_TEST_USER: user })).rejects.toMatchObject({
      code: "NO_TEST_USER",
      fault: "user",
      message: expect.stringMatching(message) as unknown,
    });
  });

  test("a version that this directory doesn't have", () => {
    expect(() => requirePgVersion(at("only-v16"), 14, "it")).toThrow(
      /^POSTGRES_VERSION_MISSING: it has no Postgres 14\n.*v14\/bin\/postgres\n {2}found: v16\n {2}to do: .*postgres add 14/,
    );
  });
});

describe("an engine that can be used", () => {
  test("is what its directories and its version line say", async () => {
    const engine = await detect({ NEON_BIN: at("fine"), POSTGRES_DISTRIB_DIR: at("only-v16") });
    // A plain Postgres beside it is no version for computes.
    postgres("only-v16", 15);
    expect((await detect({ NEON_BIN: at("fine"), POSTGRES_DISTRIB_DIR: at("only-v16") })).facts.pgVersions).toEqual([
      16,
    ]);
    expect(engine.facts.pgVersions).toEqual([16]);
    expect(engine.defaultPgVersion()).toBe(16);
    expect(engine.missing(["testing", "failpoints", "auth", "pagectl", "psql"])).toEqual(["pagectl", "psql"]);
    expect(engine.describe()).toBe(`${engine.facts.description} from ${engine.facts.neonBin}, Postgres v16`);
    expect(decodeEngine(encodeEngine(engine)).facts).toEqual(engine.facts);
  });

  test("revisions are mixed where somebody wants it, and the description says so", async () => {
    const settings = { NEON_BIN: at("mixed"), POSTGRES_DISTRIB_DIR: at("only-v16") };
    const engine = await detect({ ...settings, NEON_TEST_MIXED_REVISIONS: "allow" });
    expect(engine.describe()).toContain("MIXED REVISIONS");
    await expect(detect({ ...settings, NEON_TEST_MIXED_REVISIONS: "1" })).rejects.toThrow(/^BAD_ENV: .*\n.*allow/);
  });

  test("another bundle of the embedded engine is what it is, wherever it stands", async () => {
    cpSync(embedded.facts.neonBin, at("bundle"), { recursive: true });
    const { facts } = await detect({ NEON_BIN: at("bundle") });
    expect(facts).toMatchObject({ description: embedded.facts.description, storageControllerState: "file" });
    expect(facts.features.has("real")).toBe(false);
    expect(facts.neonBin).not.toBe(embedded.facts.neonBin);
    if (isRoot && facts.neonBin !== at("bundle")) rmSync(dirname(facts.neonBin), { recursive: true });
  });

  test("empty settings are as good as none", async () => {
    const engine = await detect({ NEON_BIN: "", POSTGRES_DISTRIB_DIR: "" });
    expect(engine.facts.pgDistribDir).toBe(embedded.facts.pgDistribDir);
    expect(engine.missing(["smgr"])).toEqual(["smgr"]);
  });

  test.runIf(isRoot)("is copied to where the nodes' user can read it", async () => {
    mkdirSync(join(dir, "closed"), { mode: 0o700 });
    cpSync(at("only-v16"), join(dir, "closed", "pg"), { recursive: true });
    cpSync(at("fine"), join(dir, "closed", "bin"), { recursive: true });
    symlinkSync(join(dir, "closed"), join(dir, "link"));
    const { facts } = await detect({ NEON_BIN: at("closed/bin"), POSTGRES_DISTRIB_DIR: at("link/pg") });
    expect(facts.neonBin).not.toContain(dir);
    expect(facts.pgDistribDir).not.toContain(dir);
    expect(facts.pgVersions).toEqual([16]);
    for (const path of [facts.neonBin, facts.pgDistribDir]) rmSync(join(path, ".."), { recursive: true });
  });
});
