import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants/list";
import type { Mutant, NamedTest } from "./mutants/mutant";
import { ProjectCopy } from "./mutants/project-copy";

/**
 * `npm run test:mutants [-- -n N] [NAME…]`: plants each bug into a copy of the engine and runs the test that must find it. Exits
 * with 1 when a bug is not found, or doesn't fit into the source any more. The tests must pass without any bug, first.
 */
interface Line {
  readonly mutant: Mutant;
  readonly verdict: "caught" | "SURVIVED" | "ERROR";
  readonly seconds: number;
  readonly message: string;
}

async function tryOut(copy: ProjectCopy, mutant: Mutant): Promise<Line> {
  const begin = performance.now();
  const line = (verdict: Line["verdict"], message: string): Line => {
    return { mutant, verdict, message, seconds: (performance.now() - begin) / 1000 };
  };
  try {
    const outcomes = await copy.with(mutant, () => copy.run([mutant.caughtBy]));
    const { status, message } = outcomes.get(mutant.caughtBy) ?? { status: "not run", message: "" };
    if (status === "failed") return line("caught", message);
    return status === "passed" ? line("SURVIVED", "its test passed") : line("ERROR", `its test: ${status} ${message}`);
  } catch (error) {
    return line("ERROR", error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
}

function print({ mutant, verdict, seconds, message }: Line): void {
  const { file, test } = mutant.caughtBy;
  console.log(
    `${verdict.padEnd(8)}  ${mutant.name.padEnd(44)}  ${seconds.toFixed(1).padStart(5)} s  ${file} > ${test}`,
  );
  console.log(`${" ".repeat(10)}${message.slice(0, 150)}`);
}

/** Each copy takes the next piece of work as soon as it is free. */
async function share<T>(
  copies: readonly ProjectCopy[],
  work: readonly T[],
  each: (copy: ProjectCopy, item: T) => Promise<void>,
) {
  const queue = [...work];
  const worker = async (copy: ProjectCopy): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await each(copy, item);
  };
  await Promise.all(copies.map(worker));
}

/** The tests that don't pass on the engine as it is: what they say of a bug means nothing. */
async function failingAnyway(copies: readonly ProjectCopy[], mutants: readonly Mutant[]): Promise<string[]> {
  const tests = new Map(mutants.map(({ caughtBy }) => [`${caughtBy.file} > ${caughtBy.test}`, caughtBy]));
  const files = [...new Set([...tests.values()].map(({ file }) => file))];
  const partOf = ({ file }: NamedTest): number => files.indexOf(file) % copies.length;
  const parts = copies.map((_, part) => [...tests.values()].filter((test) => partOf(test) === part));
  const failing: string[] = [];
  await share(copies, parts, async (copy, part: NamedTest[]) => {
    if (part.length === 0) return;
    await copy.build();
    for (const [{ file, test }, { status, message }] of await copy.run(part)) {
      if (status !== "passed") failing.push(`${file} > ${test}: ${status} ${message}`);
    }
  });
  return failing;
}

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { workers: { type: "string", short: "n", default: "2" } },
});
const unknown = wanted.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
if (unknown.length > 0) {
  console.error(`no mutant ${unknown.join(", ")}; there are: ${MUTANTS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const copies = await Promise.all(
  Array.from({ length: Math.min(Number(values.workers), mutants.length) }, () => ProjectCopy.make(root)),
);
const begin = performance.now();
try {
  const failing = await failingAnyway(copies, mutants);
  for (const test of failing) console.error(`does not pass without a bug: ${test}`);
  const lines: Line[] = [];
  await share(copies, mutants, async (copy, mutant) => {
    const line = await tryOut(copy, mutant);
    lines.push(line);
    print(line);
  });
  const caught = lines.filter(({ verdict }) => verdict === "caught").length;
  console.log(
    `${caught} of ${lines.length} planted bugs caught, in ${((performance.now() - begin) / 1000).toFixed(0)} s`,
  );
  process.exitCode = caught === lines.length && failing.length === 0 ? 0 : 1;
} finally {
  for (const copy of copies) copy.remove();
}
