import { expect, recordingDirectory, replayRecordedAnswers, test, unlistedDifferences } from "../fixtures";

test("recorded answers of real Neon", async ({ neonEnvBuilder, skip }) => {
  const directory = recordingDirectory();
  if (directory === undefined) return skip("no recorded answers in GOLDEN_DIR or ../shared/reference/golden");
  const report = await replayRecordedAnswers(neonEnvBuilder, directory);
  expect(report.results.length).toBeGreaterThan(100);
  // What is listed there is known; `npm run golden -- --write` writes the list.
  expect(unlistedDifferences(report), "differences that docs/engine-differences.md does not list").toEqual([]);
});
