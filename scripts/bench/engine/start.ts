import { type Bench, type Measurement, MEGABYTE, seconds } from "./measurement";

/** `initdb` and start of a plain Postgres, and an environment (one of each node) with a compute: in turn. */
export const start: Measurement = {
  name: "start",
  rounds: 5,
  run: async (bench) => {
    const [theirs] = await bench.withPostgres(({ make }) =>
      seconds(async () => {
        const postgres = await make("plain");
        await postgres.start();
      }),
    );
    const begin = performance.now();
    const ours = await bench.withEnv({}, async (env) => {
      await env.endpoints.createStart("main");
      return (performance.now() - begin) / 1000;
    });
    return [
      { name: "plain initdb + start", value: theirs, unit: "s" },
      { name: "environment ready + compute", value: ours, unit: "s" },
      { name: "  their ratio", value: ours / theirs, unit: "×", atMost: 1.3 },
    ];
  },
};

const WAL = 100n * BigInt(MEGABYTE);

/** A compute stops and starts, and the pageserver's newest image is 100 MB of WAL old. */
export const restart: Measurement = {
  name: "restart",
  rounds: 3,
  run: (bench: Bench) =>
    bench.withEnv({ initialTenantConfig: { compaction_period: "0s", gc_period: "0s" } }, async (env) => {
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.query("create table t (i int, filler text)");
      await env.waitForLastFlushLsn(endpoint);
      const http = env.pageserver.httpClient();
      await http.checkpoint(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
      const begin = await endpoint.flushLsn();
      for (let now = begin; now - begin < WAL; now = await endpoint.flushLsn()) {
        await endpoint.query("insert into t select i, repeat('x', 100) from generate_series(1, 20000) i");
      }
      await env.waitForLastFlushLsn(endpoint);
      const [stopping] = await seconds(() => endpoint.stop());
      const [starting] = await seconds(() => endpoint.start());
      return [
        { name: "compute stops, 100 MB of WAL since the image", value: stopping, unit: "s" },
        { name: "compute starts, 100 MB of WAL since the image", value: starting, unit: "s", atMost: 2 },
        { name: "compute restart, 100 MB of WAL since the image", value: stopping + starting, unit: "s", atMost: 2 },
      ];
    }),
};
