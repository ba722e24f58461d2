import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveTestUser } from "./identity";
import { ManagedProcess } from "./managed-process";
import { nodeProgram, temporaryDirectory } from "./test-tools";

const asRoot = test.runIf(process.getuid?.() === 0);

test("both outputs are in the log from the first byte, and a second start appends", async () => {
  await using directory = await temporaryDirectory();
  const program = `console.log("to stdout"); console.error("to stderr")`;
  await using first = await nodeProgram(directory.path, program);
  expect(await first.exited).toMatchObject({ code: 0, signal: null });
  await using second = await nodeProgram(directory.path, `console.log("again")`);
  await second.exited;
  expect(readFileSync(first.logPath, "utf8")).toBe("to stdout\nto stderr\nagain\n");
  expect(await second.logTail()).toBe("again");
  expect(statSync(first.logPath).mode & 0o777).toBe(0o644);
});

test("a signal is an exit fact, and a dead process takes no signal", async () => {
  await using directory = await temporaryDirectory();
  await using program = await nodeProgram(directory.path, "setInterval(() => undefined, 1000)");
  expect(program.isRunning()).toBe(true);
  program.kill("SIGKILL");
  expect(await program.exited).toMatchObject({ code: null, signal: "SIGKILL" });
  expect(program.isRunning()).toBe(false);
  program.kill("SIGTERM");
  await expect(program.assertRunning("a test")).rejects.toThrow(/NODE_DIED: program died: signal SIGKILL/);
});

test("nothing of our environment is inherited except PATH", async () => {
  await using directory = await temporaryDirectory();
  process.env["NEON_SELF_TEST_SECRET"] = "x";
  await using program = await nodeProgram(directory.path, "console.log(Object.keys(process.env).join())", {
    env: { RUST_LOG: "info" },
  });
  await program.exited;
  delete process.env["NEON_SELF_TEST_SECRET"];
  const names = (await program.logTail()).split(",").filter((name) => name !== "NEON_TEST_RUN_ID");
  expect(names.toSorted()).toEqual(["HOME", "LANG", "NEON_TEST_PROCESS", "PATH", "RUST_LOG", "TMPDIR"]);
});

test("only the last lines make the tail", async () => {
  await using directory = await temporaryDirectory();
  await using program = await nodeProgram(directory.path, `for (let i = 0; i < 9000; i++) console.log("line " + i)`);
  await program.exited;
  expect((await program.logTail()).split("\n")).toHaveLength(20);
  expect(await program.logTail(2)).toBe("line 8998\nline 8999");
});

test.for<[string, string, RegExp]>([
  [
    "no such file",
    "/no/such/binary",
    /BINARY_MISSING: cannot start node-1[\s\S]*found: no such file: \/no\/such\/binary/,
  ],
  ["no such command", "no-such-command-here", /BINARY_MISSING[\s\S]*no such command in PATH/],
  ["not executable", "DIR/plain", /SPAWN_FAILED[\s\S]*is not an executable file[\s\S]*to do: chmod \+x/],
  ["without its interpreter", "DIR/orphan", /SPAWN_FAILED[\s\S]*the interpreter or loader that it names is not/],
])("a command that can't be started is one clear error: %s", async ([, command, message]) => {
  await using directory = await temporaryDirectory();
  writeFileSync(join(directory.path, "plain"), "text");
  writeFileSync(join(directory.path, "orphan"), "#!/no/such/interpreter\n");
  chmodSync(join(directory.path, "orphan"), 0o755);
  const spec = { name: "node-1", args: [], cwd: directory.path, logPath: join(directory.path, "log") };
  const command_ = command.replace("DIR", directory.path);
  await expect(ManagedProcess.spawn({ ...spec, command: command_ })).rejects.toThrow(message);
});

test("a missing working directory is not taken for a missing binary", async () => {
  await using directory = await temporaryDirectory();
  const spec = { name: "node-1", command: process.execPath, args: [], logPath: join(directory.path, "log") };
  const started = ManagedProcess.spawn({ ...spec, cwd: join(directory.path, "gone") });
  await expect(started).rejects.toThrow(/SPAWN_FAILED[\s\S]*working directory .*gone does not exist/);
});

asRoot("started by root, a program runs as the test user, and its log stays readable", async () => {
  await using directory = await temporaryDirectory();
  chmodSync(directory.path, 0o755);
  const identity = resolveTestUser();
  expect(identity?.uid).not.toBe(0);
  const show = "console.log(process.getuid(), process.getgid(), process.getgroups().join())";
  await using program = await nodeProgram(directory.path, show, { identity });
  await program.exited;
  expect(await program.logTail()).toBe(`${identity?.uid} ${identity?.gid} ${identity?.gid}`);
  expect(statSync(program.logPath)).toMatchObject({ uid: 0 });
});

asRoot("a binary that the test user can't reach is named in the error", async () => {
  await using directory = await temporaryDirectory();
  const command = join(directory.path, "binary");
  writeFileSync(command, "#!/bin/sh\n");
  chmodSync(command, 0o755);
  const spec = { name: "node-1", command, args: [], cwd: "/", logPath: join(directory.path, "log") };
  const started = ManagedProcess.spawn({ ...spec, identity: resolveTestUser() });
  await expect(started).rejects.toThrow(/SPAWN_FAILED[\s\S]*user \S+ may not execute .*binary/);
});
