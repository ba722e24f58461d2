import { benchmarkNeon, scaled } from "../fixtures";

/** Tenants with a timeline each, then a compute on one: what a new customer waits for. */
benchmarkNeon("many tenants", { diskMb: 1500, memoryMb: 1500 }, async ({ system, benchmark }) => {
  const tenants = scaled(10);
  benchmark.with({ tenants });
  const { env } = system;
  for (let number = 0; number < tenants; number += 1) {
    const { tenantId } = await benchmark.recordDuration("create tenant", () => env.createTenant());
    if (number >= 3) continue;
    const endpoint = await benchmark.recordDuration("start a compute", () =>
      env.endpoints.createStart("main", { tenantId }),
    );
    await endpoint.stop();
  }
  await benchmark.measure("pageserver restart", () => env.pageserver.restart(), { repetitions: 3 });
});

/** Timelines of one tenant, each with an initdb of its own. */
benchmarkNeon("many timelines", { diskMb: 1500, memoryMb: 1000 }, async ({ system, benchmark }) => {
  const timelines = scaled(10);
  benchmark.with({ timelines });
  for (let number = 0; number < timelines; number += 1) {
    await benchmark.recordDuration("create timeline", () => system.env.createTimeline(`timeline-${number}`));
  }
  await benchmark.measure("pageserver restart", () => system.env.pageserver.restart(), { repetitions: 3 });
});
