import { readFileSync } from "node:fs";
import type { NeonEnv } from "../../../harness/env";
import type { NeonNode } from "../../../harness/nodes/neon-node";
import { Lsn } from "../../../harness/types";
import { pollUntil } from "../../../harness/wait";
import { type Measurement, MEGABYTE, seconds } from "./measurement";

const LOAD = 1024 * MEGABYTE;
const CHUNK_ROWS = 400_000;

/** Resident memory of one process; 0 when it is gone. */
function residentMegabytes(node: NeonNode): number {
  const status = readFileSync(`/proc/${node.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}

const lastRecord = async (env: NeonEnv): Promise<Lsn> =>
  Lsn.parse((await env.pageserver.httpClient().timelineDetail(env.initialTenant, env.initialTimeline)).last_record_lsn);

/** Bulk load through three safekeepers; then a pageserver that was away receives it; then what everything weighs. */
export const ingest: Measurement = {
  name: "ingest",
  rounds: 1,
  run: (bench) =>
    bench.withEnv({ numSafekeepers: 3 }, async (env) => {
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.query("create table load (i int, filler text)");
      await env.pageserver.stop();
      const begin = await endpoint.flushLsn();
      const [loading, end] = await seconds(async () => {
        for (;;) {
          await endpoint.query(`insert into load select i, repeat('x', 100) from generate_series(1, ${CHUNK_ROWS}) i`);
          const now = await endpoint.flushLsn();
          if (now - begin >= BigInt(LOAD)) return now;
        }
      });
      const bytes = Number(end - begin);
      await env.pageserver.start();
      const start = await lastRecord(env);
      const [receiving] = await seconds(() =>
        pollUntil("the pageserver has everything", async () => (await lastRecord(env)) >= end, {
          budgetMs: 300_000,
          intervalMs: 50,
        }),
      );
      const row = (name: string, node: NeonNode, atMost: number) => {
        return { name: `resident: ${name}`, value: residentMegabytes(node), unit: "MB", atMost };
      };
      const safekeepers = env.safekeepers.map((node) => row("safekeeper", node, 70));
      const heaviest = safekeepers.toSorted((a, b) => b.value - a.value).slice(0, 1);
      return [
        { name: "bulk load through 3 safekeepers", value: bytes / MEGABYTE / loading, unit: "MB/s", atLeast: 40 },
        { name: "WAL ingest", value: Number(end - start) / MEGABYTE / receiving, unit: "MB/s", atLeast: 40 },
        row("pageserver, after 1 GB of WAL", env.pageserver, 150),
        ...heaviest,
        row("broker", env.broker, 70),
        row("storage controller", env.storageController, 70),
      ];
    }),
};
