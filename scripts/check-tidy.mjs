// Habits that no linter knows: sizes of documents, sleeping outside harness/wait, words that must not be committed.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && existsSync(file));
const problems = [];

const readme = readFileSync("README.md", "utf8").split("\n").length;
if (readme > 150) problems.push(`README.md: ${readme} lines, at most 150`);

const example = /```ts\n(.*?)```/s.exec(readFileSync("README.md", "utf8"))?.[1] ?? "no example";
const withoutImport = example.split("\n").slice(2).join("\n");
if (!readFileSync("regress/compute-restart.test.ts", "utf8").includes(withoutImport)) {
  problems.push("README.md: its example is not the one that regress/compute-restart.test.ts runs");
}

for (const file of files.filter((name) => /\.(ts|mjs)$/.test(name))) {
  const text = readFileSync(file, "utf8");
  if (file !== "scripts/check-tidy.mjs" && /\b(test|it|describe)\.(only|todo)\b/.test(text)) {
    problems.push(`${file}: a focused or unwritten test`);
  }
  const sleeps = /setTimeout\(\s*(resolve|r|done)\b|new Promise\([^)]*\)\s*=>\s*setTimeout/.test(text);
  // The engine's daemons have no harness below them: their back-offs are timers of their own.
  // Client programs are their users' own.
  const mayPause = /^(harness\/(wait|embedded)|pg_clients\/[^/]+)\//.test(file);
  if (sleeps && !mayPause && file !== "scripts/check-tidy.mjs") {
    problems.push(`${file}: sleeps; wait on an event, or on a readiness object of harness/wait`);
  }
  if (file.endsWith(".mjs") && text.split("\n").length > 400) problems.push(`${file}: over 400 lines`);
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
