import { expect, test } from "vitest";
import { Wait } from "../wait";
import { describeStop } from "./stop-ladder";
import type { StopLadder } from "./stop-ladder";
import { nodeProgram, temporaryDirectory } from "./test-tools";

const polite: StopLadder = { steps: [{ signal: "SIGTERM", budgetMs: 5000 }] };
const impatient: StopLadder = {
  steps: [
    { signal: "SIGTERM", budgetMs: 60 },
    { signal: "SIGQUIT", budgetMs: 60 },
  ],
};
/** The last rung has time enough for a machine that is busy. */
const patientAtLast: StopLadder = {
  steps: [
    { signal: "SIGTERM", budgetMs: 60 },
    { signal: "SIGQUIT", budgetMs: 10_000 },
  ],
};
const forever = `setInterval(() => undefined, 1000); console.log("up")`;
const stubborn = `for (const s of ["SIGTERM", "SIGQUIT"]) process.on(s, () => console.log("ignored", s)); ${forever}`;

test.for<[string, string, StopLadder, RegExp]>([
  ["obeys SIGTERM", forever, polite, /^SIGTERM after \d+ ms$/],
  [
    "says SIGQUIT when only that helps",
    `process.on("SIGTERM", () => undefined); ${forever}`,
    patientAtLast,
    /^SIGQUIT after/,
  ],
  ["ends with SIGKILL", stubborn, impatient, /^SIGKILL after (1[1-9]\d|[2-9]\d\d|\d{4,}) ms$/],
  ["goes straight to SIGKILL", stubborn, { steps: [] }, /^SIGKILL after \d+ ms$/],
])("a process that %s", async ([, program, ladder, expected]) => {
  await using directory = await temporaryDirectory();
  await using started = await nodeProgram(directory.path, program);
  await Wait.log(started.logPath, /up/).wait({ process: started, budgetMs: 5000 });
  expect(describeStop(await started.stop(ladder))).toMatch(expected);
  expect(started.isRunning()).toBe(false);
});

test("to stop a dead process is fine", async () => {
  await using directory = await temporaryDirectory();
  await using started = await nodeProgram(directory.path, "process.exit(3)");
  await started.exited;
  expect(await started.stop(polite)).toMatchObject({ signal: undefined, exit: { code: 3 } });
});
