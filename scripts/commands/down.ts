import { findKept, isTakenDown, takeDown } from "../../harness/process";
import { HarnessError } from "../../harness/types";
import { pollUntil } from "../../harness/wait";
import { defineCommand } from "../command/command";
import { oneId } from "./kept-id";

export const down = defineCommand({
  name: "down",
  summary: "ends an environment that `--keep on-failure` has left running",
  takes: "ID",
  options: {},
  run: async ({ positionals }) => {
    const id = oneId(positionals);
    if (id === undefined) {
      throw new HarnessError("BAD_ARGUMENT", {
        summary: "down needs to know what to end",
        expected: "the id that the failed test has printed",
        found: "nothing",
        todo: "see `neon-test attach`",
      });
    }
    const kept = findKept(id);
    takeDown(kept);
    await pollUntil("its processes to end", () => isTakenDown(kept), {
      budgetMs: 20_000,
      component: `environment ${id}`,
    });
    process.stdout.write(`gone; its logs stay in ${kept.directory}\n`);
    return 0;
  },
});
