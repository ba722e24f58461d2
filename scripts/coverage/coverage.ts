import { format, resolveConfig } from "prettier";
import { readOriginalTests } from "./original-tests";
import { readOurTests } from "./our-tests";
import { readResults } from "./results";
import { coverageTable, unknownNames } from "./table";

export const COVERAGE_PATH = "docs/coverage.md";

/** The table as it should stand in docs/, and what comments name that the original doesn't have. */
export async function coverage(): Promise<{ table: string; unknown: string[] }> {
  const facts = { original: readOriginalTests(), ours: readOurTests(), results: readResults() };
  const style = await resolveConfig(COVERAGE_PATH);
  return { table: await format(coverageTable(facts), { ...style, parser: "markdown" }), unknown: unknownNames(facts) };
}
