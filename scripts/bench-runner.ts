// `npm run bench:runner`: what the command itself costs. With --workers it also compares -n 2 with -n 1 on regress.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { PACKAGE_ROOT } from "./project";
import { prepareEmbeddedEngine } from "../harness/engine";
import type { InlineSuite as Suite } from "./testing/inline-suite";

const ROUNDS = 7;
const TESTS = 200;

const EMPTY = `
import { writeFileSync } from "node:fs";
test("first", () => writeFileSync(process.env.SCRATCH + "/first", String(Date.now())));
for (let n = 0; n < ${TESTS}; n++) test("empty " + n, () => {});
test("last", () => writeFileSync(process.env.SCRATCH + "/last", String(Date.now())));`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Through the launcher, as a person starts it. */
async function startOnce(suite: Suite): Promise<{ toFirst: number; perTest: number }> {
  const began = Date.now();
  await execa(join(PACKAGE_ROOT, "scripts", "neon-test"), [], { cwd: suite.root, env: { SCRATCH: suite.scratch } });
  const [first, last] = ["first", "last"].map((name) => Number(readFileSync(join(suite.scratch, name), "utf8")));
  return { toFirst: (first ?? 0) - began, perTest: ((last ?? 0) - (first ?? 0)) / TESTS };
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function benchStart(): Promise<void> {
  using suite = new InlineSuite({ empty: EMPTY });
  await startOnce(suite);
  const rounds: { toFirst: number; perTest: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await startOnce(suite));
  const toFirst = rounds.map((each) => each.toFirst);
  const perTest = rounds.map((each) => each.perTest);
  print(`command line to first test body: ${middle(toFirst)} ms, best ${Math.min(...toFirst)} ms (aim: 1000)`);
  print(`a test without environment: ${middle(perTest).toFixed(2)} ms (aim: 10)`);
}

async function benchWorkers(): Promise<void> {
  const took: number[] = [];
  for (const workers of ["1", "2"]) {
    const began = performance.now();
    await execa(join(PACKAGE_ROOT, "scripts", "neon-test"), ["regress", "-n", workers], {
      cwd: PACKAGE_ROOT,
      stdio: "inherit",
    });
    took.push((performance.now() - began) / 1000);
  }
  const [one = 0, two = 0] = took;
  print(`regress -n 1: ${one.toFixed(1)} s, -n 2: ${two.toFixed(1)} s, ratio ${(two / one).toFixed(2)} (aim: 0.65)`);
}

// What makes directories for self-tests asks the environment for the nodes' user.
await prepareEmbeddedEngine();
const { InlineSuite } = await import("./testing/inline-suite");
await benchStart();
if (process.argv.includes("--workers")) await benchWorkers();
