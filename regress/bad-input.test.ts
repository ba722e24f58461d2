import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "../fixtures";

test("a node that dies at its start is one error that quotes it, and nothing runs on", async ({ neonEnvBuilder }) => {
  const builder = neonEnvBuilder.with({ pageserverConfigOverride: { no_such_setting: 1 } });
  await expect(builder.initStart()).rejects.toThrow(
    /^NODE_DIED: pageserver-1 died while we waited for: (.|\n)*found: exit code(.|\n)*log: .*pageserver\.log\n(.|\n)*no_such_setting/,
  );
  const env = builder.env;
  await env?.tearDown({ passed: false });
  const nodes = [env?.storageController, env?.broker, ...(env?.safekeepers ?? [])];
  expect(nodes.map((node) => node?.isRunning())).toEqual([false, false, false]);
});

test("a port that a stranger has is one error that names both", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initConfigs();
  const stranger = createServer().listen(env.broker.port, "127.0.0.1");
  await once(stranger, "listening");
  onTestFinished(() => void stranger.close());
  await expect(env.start()).rejects.toThrow(
    new RegExp(`^PORT_TAKEN: port ${env.broker.port} is taken\\n.*storage_broker\\n.*pid ${process.pid} `),
  );
});

test("a compute that can't start says why", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.create("main", { configLines: ["shared_buffers = 'many'"] });
  await expect(endpoint.start()).rejects.toThrow(/^NODE_(DIED|NOT_READY): ep-1 (.|\n)*shared_buffers/);
  expect(endpoint.isRunning()).toBe(false);
});
