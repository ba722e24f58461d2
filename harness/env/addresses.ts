import type { NeonEnv } from "./neon-env";

/** Lines for people: how to get to each node that runs. */
export function describeAddresses(env: NeonEnv): string[] {
  const { storageController, broker } = env;
  const computes = env.endpoints.all.filter((endpoint) => endpoint.isRunning());
  const rows: [string, string, number | undefined][] = [
    [storageController.name, storageController.url, storageController.pid],
    ...env.pageservers.map((ps): [string, string, number | undefined] => [
      ps.name,
      ps.httpClient().http.baseUrl,
      ps.pid,
    ]),
    ...env.safekeepers.map((sk): [string, string, number | undefined] => [
      sk.name,
      sk.httpClient().http.baseUrl,
      sk.pid,
    ]),
    [broker.name, broker.url, broker.pid],
    ...computes.map((ep): [string, string, number | undefined] => [
      "compute_ctl",
      `${ep.httpClient().http.baseUrl}/status`,
      ep.pid,
    ]),
  ];
  return [
    ...computes.map(({ name, connstr }) => `psql '${connstr}'    (${name})`),
    ...rows.flatMap(([name, url, pid]) => (pid === undefined ? [] : [`${name.padEnd(20)}${url}    pid ${pid}`])),
    `files               ${env.repoDir}`,
  ];
}
