import { expect, isLongRun, KillSchedule, Ledger, randomFrom, test, testSeed } from "../fixtures";
import type { NeonEnv, Random } from "../fixtures";

const KILLS = isLongRun ? 100 : 10;
const CLIENTS = 8;

/** What nodes say about others that were killed is no fault of theirs; that they panic would be. */
const ANYTHING_BUT_PANIC = /^(?!.*panic)/;

function schedule(env: NeonEnv, ledger: Ledger, random: Random): KillSchedule {
  const [endpoint] = env.endpoints.all;
  if (endpoint === undefined) throw new Error("no compute");
  const { safekeepers, pageserver, storageController, broker } = env;
  return new KillSchedule({
    nodes: [broker, storageController, pageserver, ...safekeepers, endpoint, endpoint],
    random,
    progress: () => ledger.progress(10 + random(50)),
    canWorkWithout: (down) => {
      const safekeepersDown = safekeepers.filter((sk) => down.includes(sk)).length;
      const readsPages = env.engine.facts.features.has("smgr");
      return !down.includes(endpoint) && safekeepersDown < 2 && !(readsPages && down.includes(pageserver));
    },
  });
}

// covers: test_wal_acceptor_async.py::test_restarts_under_load
test(
  `${KILLS} kills under ${CLIENTS} writing clients: nothing acknowledged is lost, nothing is there twice`,
  { timeout: isLongRun ? 1_800_000 : 180_000 },
  async ({ neonEnvBuilder }) => {
    const seed = testSeed();
    const random = randomFrom(seed);
    const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
    for (const node of [env.pageserver, env.storageController]) node.allowedErrors.push(ANYTHING_BUT_PANIC);
    const endpoint = await env.endpoints.createStart("main");
    const ledger = new Ledger(endpoint, random);
    await ledger.create();
    ledger.start(CLIENTS);
    const kills = schedule(env, ledger, random);
    try {
      await kills.run(KILLS);
      await ledger.stop();
      expect(ledger.facts.acknowledged).toBeGreaterThan(KILLS * 10);
      await ledger.check((sql) => endpoint.query(sql));
      await env.waitForLastFlushLsn(endpoint);
      await endpoint.restart();
      await ledger.check((sql) => endpoint.query(sql));
      await env.createBranch("after");
      const after = await env.endpoints.createStart("after");
      await ledger.check((sql) => after.query(sql));
    } catch (error) {
      const long = isLongRun ? " NEON_TEST_LONG=1" : "";
      const replay = `NEON_TEST_SEED=${seed}${long} npx neon-test regress/kills`;
      throw new Error(`killed so far: ${kills.log.join(" ")}; replay: ${replay}`, { cause: error });
    } finally {
      await ledger.stop();
    }
  },
);
