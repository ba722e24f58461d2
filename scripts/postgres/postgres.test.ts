import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { neonTest } from "../testing/command";
import { postgresCommand } from "../commands/postgres";
import { newestOf, PACKAGE } from "./npm";

const dir = mkdtempSync(join(tmpdir(), "postgres-versions-"));
const VERSIONS = ["14.8.0-beta.2", "14.10.0-beta.16", "14.9.0-beta.17", "15.1.0-beta.6"];
const tarball = makePackage("14.10.0-beta.16", "14.10");
let registry: Server;
let damaged = false;
let cache: string;

/** A package as npm has it; its Postgres is a script that needs the library that a link names. */
function makePackage(version: string, says: string): Buffer {
  const root = join(dir, version, "package");
  mkdirSync(join(root, "native/bin"), { recursive: true });
  mkdirSync(join(root, "native/lib"));
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: PACKAGE, version }));
  writeFileSync(join(root, "native/lib/libpq.so.5.14"), "library");
  const links = [{ source: "native/lib/libpq.so.5.14", target: "native/lib/libpq.so.5" }];
  writeFileSync(join(root, "native/pg-symlinks.json"), JSON.stringify(links));
  for (const name of ["postgres", "initdb"]) {
    const program = join(root, "native/bin", name);
    const needs = `cat "$(dirname "$0")/../lib/libpq.so.5" >/dev/null || exit 127`;
    writeFileSync(program, `#!/bin/sh\n${needs}\necho "${name} (PostgreSQL) ${says}"\n`);
    chmodSync(program, 0o755);
  }
  execFileSync("tar", ["-czf", join(dir, `${version}.tgz`), "-C", join(dir, version), "package"]);
  return readFileSync(join(dir, `${version}.tgz`));
}

function answer(path: string, port: number): Buffer | object | undefined {
  if (path.endsWith(".tgz")) return damaged ? Buffer.concat([tarball, Buffer.from("x")]) : tarball;
  if (decodeURIComponent(path) !== `/${PACKAGE}`) return undefined;
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const manifest = (version: string) => ({
    name: PACKAGE,
    version,
    dist: { tarball: `http://127.0.0.1:${port}/${version}.tgz`, integrity },
  });
  return {
    name: PACKAGE,
    "dist-tags": { latest: "15.1.0-beta.6" },
    versions: Object.fromEntries(VERSIONS.map((version) => [version, manifest(version)])),
  };
}

beforeAll(async () => {
  registry = createServer((request, response) => {
    const found = answer(request.url ?? "", (registry.address() as AddressInfo).port);
    if (found === undefined) response.writeHead(404).end("{}");
    else response.end(Buffer.isBuffer(found) ? found : JSON.stringify(found));
  });
  await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
});
beforeEach(() => {
  damaged = false;
  cache = mkdtempSync(join(dir, "cache-"));
});
afterEach(() => rmSync(cache, { recursive: true }));
afterAll(() => {
  registry.close();
  rmSync(dir, { recursive: true });
});

const postgres = (words: string[], port = (registry.address() as AddressInfo).port) =>
  neonTest(["postgres", ...words], {
    XDG_CACHE_HOME: cache,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_cache: join(cache, "npm"),
    npm_config_fetch_retries: "0",
    npm_config_update_notifier: "false",
  });

test("the newest release of a major is found among those of others", () => {
  expect(newestOf(VERSIONS, 14)).toBe("14.10.0-beta.16");
  expect(newestOf(["16.2.0-beta.9", "16.2.0-beta.10", "16.2.0-alpha.11", "16.1.9"], 16)).toBe("16.2.0-beta.10");
  expect(newestOf(["16.2.0-beta.9", "16.2.0"], 16)).toBe("16.2.0");
  expect(newestOf(VERSIONS, 17)).toBeUndefined();
});

test("a version is added with its links, listed, and removed again", async () => {
  const added = await postgres(["add", "14"]);
  expect(added.stderr).toBe("");
  expect(added.stdout).toContain(`Postgres 14.10 added: ${cache}`);
  const [name = ""] = readdirSync(join(cache, "neon-test/postgres"));
  expect(name).toBe(`v14-${process.platform}-${process.arch}`);
  expect(readlinkSync(join(cache, "neon-test/postgres", name, "native/lib/libpq.so.5"))).toBe("libpq.so.5.14");
  expect((await postgres(["add", "v14"])).stdout).toContain("is there already");
  expect((await postgres(["list"])).stdout).toMatch(/^v14 +14\.10 +added +\S+\/native$/m);
  expect((await postgres(["remove", "14"])).stdout).toContain("Postgres 14 removed");
  expect(readdirSync(join(cache, "neon-test/postgres"))).toEqual([]);
});

test.for<[string[], string, RegExp]>([
  [["remove", "14"], "POSTGRES_VERSION_MISSING", /was not added/],
  [["add", "13"], "BAD_PG_VERSION", /one of 14, 15, 16, 17/],
  [["add"], "BAD_ARGUMENT", /list, add V … or remove V …/],
  [["fetch", "14"], "BAD_ARGUMENT", /found: neon-test postgres fetch 14/],
])("postgres %j is refused", async ([words, code, message]) => {
  const refused = postgresCommand(words, { ...process.env, XDG_CACHE_HOME: cache });
  await expect(refused).rejects.toMatchObject({
    code,
    fault: "user",
    message: expect.stringMatching(message) as unknown,
  });
});

test("a package that is not what the registry says is refused, and so is one that can't be had", async () => {
  damaged = true;
  const refused = await postgres(["add", "14"]);
  expect(refused.stderr).toMatch(/COMMAND_FAILED: npm failed while installing the package[\s\S]*EINTEGRITY/);
  expect(readdirSync(join(cache, "neon-test/postgres"))).toEqual([]);
  const unknown = await postgres(["add", "16"]);
  expect(unknown.stderr).toMatch(/^neon-test: POSTGRES_VERSION_MISSING: npm has no Postgres 16 for /);
  expect(unknown.exitCode).toBe(2);
  const unreachable = await postgres(["add", "14"], 1);
  expect(unreachable.stderr).toMatch(/npm failed while asking for the versions[\s\S]*ECONNREFUSED/);
  expect(unreachable.exitCode).toBe(1);
});
