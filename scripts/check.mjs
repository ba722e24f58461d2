// `npm run check`: everything that must hold at every commit, cheapest first. It runs all of them and fails if one did.
import { spawnSync } from "node:child_process";

const steps = [
  ["format", "prettier --check --log-level warn ."],
  ["lint", "npm run --silent lint"],
  ["boundaries", "node scripts/check-boundaries.mjs"],
  ["tidy", "node scripts/check-tidy.mjs"],
  ["types", "tsc -p . && tsc -p harness/report/page"],
  ["unused", "knip --no-progress"],
  ["self-tests", "vitest run --project harness --reporter=dot --maxWorkers=100%"],
];

const failed = [];
for (const [name, command] of steps) {
  const started = Date.now();
  const result = spawnSync(command, {
    shell: true,
    stdio: "inherit",
    env: { ...process.env, NO_UPDATE_NOTIFIER: "1" },
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`check ${name}: ${result.status === 0 ? "ok" : "FAILED"} (${seconds} s)`);
  if (result.status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(", ")}`);
  process.exit(1);
}
