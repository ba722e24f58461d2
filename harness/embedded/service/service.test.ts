import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseArguments } from "./arguments";
import { parseEndpointUrl, parseHostPort } from "./endpoints";
import { readToml, writeFileDurably } from "./files";
import { jsonText, parseJson } from "./json";
import { createLogger, levelFrom } from "./log";
import { claimPidFile } from "./pid-file";

describe("log", () => {
  test("lines look as Neon's daemons write them", () => {
    const lines: string[] = [];
    const log = createLogger((line) => lines.push(line), "debug");
    log.info("plain");
    log.span("tenant", { tenant_id: "ab", shard: 0 }).span("inner").warn("odd");
    log.trace("never");
    const stamp = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`;
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(new RegExp(`^${stamp}  INFO plain\n$`));
    expect(lines[1]).toMatch(new RegExp(`^${stamp}  WARN tenant\\{tenant_id=ab shard=0\\}:inner: odd\n$`));
  });

  test("RUST_LOG: the last general directive counts, info without one", () => {
    expect([undefined, "", "debug", "info,walreceiver=debug", "warn,error"].map(levelFrom)).toEqual([
      "info",
      "info",
      "debug",
      "info",
      "error",
    ]);
  });
});

describe("arguments", () => {
  const specs = {
    listen: { short: "l", kind: "string", required: true },
    id: { kind: "number", default: 7 },
    dev: { kind: "boolean" },
    token: { kind: "string" },
  } as const;

  test("reads both spellings, short flags and repetitions", () => {
    expect(parseArguments(specs, ["-l", "a:1", "--token=x=y", "--dev", "--id", "1", "--id=2"])).toEqual({
      listen: "a:1",
      id: 2,
      dev: true,
      token: "x=y",
    });
    expect(parseArguments(specs, ["--listen", "b:2", "--dev=false"])).toEqual({
      listen: "b:2",
      id: 7,
      dev: false,
      token: undefined,
    });
  });

  test.each([
    [["--nope"], "unexpected argument '--nope' found"],
    [["stray"], "unexpected argument 'stray' found"],
    [["-l"], "a value is required for '-l' but none was supplied"],
    [["-l", "a:1", "--id", "x"], "invalid value 'x' for '--id'"],
    [[], "required argument '--listen' is missing"],
  ])("refuses %j", (argv, message) => {
    expect(() => parseArguments(specs, argv)).toThrow(message);
  });
});

test("JSON carries 64-bit integers as bare numbers in both directions", () => {
  const text = '{"id":7426548102731234567,"small":5,"text":"7426548102731234567","fraction":0.1234567890123456}';
  const value = parseJson(text) as Record<string, unknown>;
  expect(value).toEqual({
    id: 7426548102731234567n,
    small: 5,
    text: "7426548102731234567",
    fraction: 0.1234567890123456,
  });
  expect(jsonText({ id: value["id"], text: value["text"] })).toBe(
    '{"id":7426548102731234567,"text":"7426548102731234567"}',
  );
  expect(jsonText(undefined)).toBe("null");
});

test("localhost is 127.0.0.1", () => {
  expect(parseHostPort("localhost:12")).toEqual({ host: "127.0.0.1", port: 12 });
  expect(parseEndpointUrl("http://127.0.0.1:50051/")).toEqual({ host: "127.0.0.1", port: 50051 });
  expect(() => parseHostPort("12")).toThrow("host:port");
});

describe("files", () => {
  let dir: string;
  beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), "service-"))));
  afterEach(() => rm(dir, { recursive: true }));

  test("a durable write replaces the file and leaves nothing else", async () => {
    const path = join(dir, "state");
    await writeFileDurably(path, "one");
    await writeFileDurably(path, Buffer.from("two"));
    expect(await readFile(path, "utf8")).toBe("two");
    expect(await readdir(dir)).toEqual(["state"]);
  });

  test("TOML: big integers are bigint, a broken file is named", async () => {
    const path = join(dir, "x.toml");
    await writeFile(path, "id = 1\nsystem = 7426548102731234567\n[a.b]\nc = 'd'\n");
    expect(await readToml(path)).toEqual({ id: 1, system: 7426548102731234567n, a: { b: { c: "d" } } });
    await writeFile(path, "id = ");
    await expect(readToml(path)).rejects.toThrow(path);
  });

  test("a pid file holds the bare pid; a dead or foreign owner is overruled", async () => {
    const path = join(dir, "pid");
    await claimPidFile(path);
    expect(await readFile(path, "utf8")).toBe(String(process.pid));
    for (const stale of ["999999999", String(process.ppid), "junk"]) {
      await writeFile(path, stale);
      await claimPidFile(path);
      expect(await readFile(path, "utf8")).toBe(String(process.pid));
    }
  });
});
