import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeOpenWaits } from "../events";
import { ManagedProcess } from "../process";
import { HarnessError } from "../types";
import { describeProcessTree } from "./process-tree";
import { stacksOf } from "./stacks";

const FILE = "hang.txt";

/** What a test that used up its time was doing. */
export interface HangReport {
  readonly waits: readonly string[];
  readonly tree: string;
  /** With the stacks, where they could be had; it stands in the test's directory. */
  readonly file: string | undefined;
}

/** Looks at open waits and at the nodes below `directory`, at once, and writes all of it to `hang.txt` in there. */
export async function reportHang(directory: string | undefined): Promise<HangReport> {
  const waits = describeOpenWaits();
  const nodes = ManagedProcess.all();
  const tree = describeProcessTree(nodes.map((node) => node.pid));
  if (directory === undefined) return { waits, tree, file: undefined };
  const stacks = await Promise.all(
    nodes.map(async (node) => `${node.name} (${node.pid}):\n${await stacksOf(node.pid)}`),
  );
  const file = join(directory, FILE);
  const sections = [`open waits:\n${waits.join("\n") || "none"}`, `processes:\n${tree || "none"}`, ...stacks];
  writeFileSync(file, `${sections.join("\n\n")}\n`);
  return { waits, tree, file };
}

/** The error that stands beside vitest's own "Test timed out". */
export function hangError(timeoutMs: number, { waits, tree, file }: HangReport): HarnessError {
  const found = [...(waits.length === 0 ? ["no open wait of the harness"] : waits), ...tree.split("\n")];
  return new HarnessError("TEST_HUNG", {
    summary: `the test used up its time slot of ${timeoutMs} ms`,
    expected: "it to end by itself",
    found: found.join("\n"),
    todo: file === undefined ? undefined : `see ${FILE} in its directory for the stacks`,
  });
}
