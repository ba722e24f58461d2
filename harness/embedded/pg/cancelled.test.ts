import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { recover } from "./recover";
import { untilAborted } from "./until-aborted";

/** A server whose recovery takes far longer than any shutdown may. */
function slowServer(): { postgres: string; dataDir: string; started: string } {
  const dataDir = mkdtempSync(join(tmpdir(), "cancelled-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const [postgres, started] = [join(dataDir, "postgres"), join(dataDir, "started")];
  writeFileSync(postgres, `#!/bin/sh\ntouch ${started}\necho started >&2\nexec sleep 20\n`, { mode: 0o755 });
  return { postgres, dataDir, started };
}

test("a recovery that was cancelled before it began does not begin", async () => {
  const { started, ...server } = slowServer();
  const signal = AbortSignal.abort(new Error("leaving"));
  await expect(recover({ ...server, settings: [], signal })).rejects.toThrow("leaving");
  expect(existsSync(started)).toBe(false);
});

test("a recovery that is cancelled ends its server", async () => {
  const { postgres, dataDir, started } = slowServer();
  const cancel = new AbortController();
  const recovery = expect(recover({ postgres, dataDir, settings: [], signal: cancel.signal })).rejects.toThrow(
    "leaving",
  );
  await expect.poll(() => existsSync(started), { timeout: 10_000 }).toBe(true);
  cancel.abort(new Error("leaving"));
  await recovery;
});

test("what comes in pieces stops between two of them", async () => {
  const cancel = new AbortController();
  let sent = 0;
  async function* pieces(): AsyncGenerator<Buffer> {
    for (; sent < 100; sent += 1) {
      if (sent === 3) cancel.abort(new Error("leaving"));
      yield await Promise.resolve(Buffer.alloc(1));
    }
  }
  const taken: Buffer[] = [];
  const take = async (): Promise<void> => {
    for await (const piece of untilAborted(pieces(), cancel.signal)) taken.push(piece);
  };
  await expect(take()).rejects.toThrow("leaving");
  expect([taken.length, sent]).toEqual([3, 3]);
});
