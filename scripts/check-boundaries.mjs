// Imports go down the layers of docs/layout.md only; this is the rule that holds the line.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bottom = ["harness/types", "harness/events"];
const base = [...bottom, "harness/process", "harness/wait", "harness/ports"];
const nodes = [...base, "harness/api", "harness/auth", "harness/wire", "harness/storage"];

/** Layer → what it may import besides itself. A folder that is not named here may not be imported by any other. */
const allowed = {
  "harness/types": [],
  "harness/events": ["harness/types"],
  "harness/process": bottom,
  "harness/wait": [...bottom, "harness/process"],
  "harness/ports": [...bottom, "harness/wait", "harness/process"],
  "harness/api": base,
  "harness/auth": [...bottom, "harness/process"],
  "harness/wire": bottom,
  "harness/storage": base,
  "harness/engine": base,
  "harness/nodes": [...nodes, "harness/engine"],
  "harness/checks": [...nodes, "harness/engine", "harness/nodes"],
  "harness/faults": [...nodes, "harness/nodes"],
  // What clients meet: TLS, names of endpoints, the serverless driver's protocols.
  "harness/front": [...nodes, "harness/nodes"],
  // Runs programs of other languages; knows neither front nor Neon.
  "harness/clients": base,
  // Runs PostgreSQL's own regression tests on any Postgres.
  "harness/pg-regress": [...nodes, "harness/engine", "harness/nodes"],
  "harness/env": [...nodes, "harness/engine", "harness/nodes", "harness/checks", "harness/faults"],
  // Replays recorded answers of real Neon; what it finds is in docs/engine-differences.md.
  "harness/golden": [...nodes, "harness/nodes", "harness/env"],
  "harness/report": base,
  "harness/benchmark": [...nodes, "harness/engine", "harness/nodes", "harness/env"],
  // What several layers' tests share; only tests and what stands beside them import it.
  "harness/testing": base,
  "harness/embedded": ["harness/wire", "harness/storage", "harness/process", "harness/types", "harness/events"],
  fixtures: ["harness/*"],
  regress: ["fixtures"],
  performance: ["fixtures"],
  pg_clients: ["fixtures"],
  sql: ["fixtures"],
  scripts: ["harness/*", "fixtures"],
};

const layerOf = (file) => {
  const [top, second] = file.split("/");
  return top === "harness" && second?.includes(".") === false ? `harness/${second}` : top;
};

function permitted(from, to, isTest) {
  if (from === to) return true;
  if (!(to in allowed)) return true;
  if (to === "harness/embedded") return false;
  if (isTest && from.startsWith("harness/") && ["harness/wait", "harness/testing"].includes(to)) return true;
  return (allowed[from] ?? []).some((layer) => layer === to || (layer === "harness/*" && to.startsWith("harness")));
}

/** Tests, and what only tests use. */
const isTestFile = (file) => /\.test(-data)?\.ts$|\/testing\//.test(file);

const problems = [];
const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
  (entry) => entry.isFile() && entry.name.endsWith(".ts"),
);
for (const entry of files) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const file = relative(root, path);
  const from = layerOf(file);
  if (!(from in allowed)) continue;
  for (const match of readFileSync(path, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
    const target = relative(root, join(dirname(path), match[1]));
    const to = layerOf(target.includes("/") || target in allowed ? target : `${target}/`);
    if (!permitted(from, to, isTestFile(file))) problems.push(`${file}: ${from} may not import ${to} ("${match[1]}")`);
  }
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
