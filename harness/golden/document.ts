import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ReplayReport } from "./report";
import { unlisted, writeSection } from "./report";

const DOCUMENT = join("docs", "engine-differences.md");

const read = (): string | undefined => (existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : undefined);

/** Differences that docs/engine-differences.md doesn't list for this engine, one line each. */
export const unlistedDifferences = (report: ReplayReport): string[] => unlisted(read(), report);

/** Puts this replay's section into docs/engine-differences.md and leaves the other engine's as it is. */
export function writeDifferences(report: ReplayReport): void {
  writeFileSync(DOCUMENT, writeSection(read(), report));
}
