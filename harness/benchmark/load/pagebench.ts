import type { NodeContext } from "../../nodes";
import { runTool } from "../../nodes/tools/run-tool";
import { HarnessError } from "../../types";
import type { Benchmark } from "../measure/benchmark";
import type { NeonSystem } from "../systems/neon-system";

interface PagebenchOutput {
  readonly total: {
    readonly request_count: number;
    readonly latency_mean: string;
    readonly latency_percentiles?: Record<string, string>;
  };
}

const SECONDS = 2;
const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, µs: 1e-3, us: 1e-3, ms: 1, s: 1000 };

/**
 * The same question asked by Neon's own load generator: GetPage at the latest LSN, one at a time. Says whether the build
 * has it.
 */
export async function recordPagebench(
  benchmark: Benchmark,
  { env, endpoint }: NeonSystem,
  context: NodeContext,
  clients: number,
): Promise<boolean> {
  if (env.engine.missing(["pagebench"]).length > 0) return false;
  // Its clients leave in the middle of what they do when their time is over.
  env.pageserver.allowedErrors.push(/query handler for 'pagestream.* failed: unexpected message: CopyFail during COPY/);
  await benchmark.turn();
  const { tenantId, timelineId } = endpoint.settings;
  const { stdout } = await runTool(context, env.engine.binary("pagebench"), [
    "get-page-latest-lsn",
    ...["--mgmt-api-endpoint", `http://127.0.0.1:${env.pageserver.settings.httpPort}`],
    ...["--page-service-connstring", `postgresql://postgres@127.0.0.1:${env.pageserver.pgPort}`],
    ...["--num-clients", String(clients), "--runtime", `${SECONDS}s`, `${tenantId}/${timelineId}`],
  ]);
  const { total } = parse(stdout);
  benchmark.record("pagebench: throughput", total.request_count / SECONDS, "pages/s", "higher");
  benchmark.record("pagebench: latency average", milliseconds(total.latency_mean), "ms", "lower");
  return true;
}

function parse(stdout: string): PagebenchOutput {
  try {
    return JSON.parse(stdout.slice(stdout.indexOf("{"))) as PagebenchOutput;
  } catch (cause) {
    throw new HarnessError("COMMAND_FAILED", {
      summary: "pagebench says nothing that could be understood",
      expected: "JSON with total.request_count",
      found: stdout.slice(-500),
      cause,
    });
  }
}

/** `1ms 234µs`, as Rust writes durations for people. */
function milliseconds(text: string): number {
  return [...text.matchAll(/([\d.]+)\s*(ns|µs|us|ms|s)\b/gu)].reduce(
    (sum, [, value, unit = ""]) => sum + Number(value) * (UNITS_MS[unit] ?? 0),
    0,
  );
}
