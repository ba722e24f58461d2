import { cpus, loadavg, release, totalmem } from "node:os";
import { execa } from "execa";
import type { Engine } from "../../harness/engine";

const GIBIBYTE = 1024 ** 3;

/** One fact per line; taken at the beginning, so that the load is not our own. */
export async function machineFacts(engine: Engine, python: string): Promise<string[]> {
  const { stdout: pythonVersion } = await execa(python, ["--version"]);
  const [cpu] = cpus();
  const memory = (totalmem() / GIBIBYTE).toFixed(0);
  return [
    `${engine.facts.description}, Postgres v${engine.defaultPgVersion()}`,
    `${cpus().length} × ${cpu?.model ?? "unknown processor"}, ${memory} GiB, Linux ${release()}`,
    `Node.js ${process.versions.node}; ${pythonVersion}, below \`tini -s\``,
    `measured on ${new Date().toISOString().slice(0, 10)}; load average at the beginning ${(loadavg()[0] ?? 0).toFixed(2)}`,
  ];
}
