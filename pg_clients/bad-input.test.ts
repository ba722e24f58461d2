import { clientDrivers, expect, test } from "../fixtures";
import type { ClientProgram, ClientRun, ClientTarget, EndpointBehindFront, FrontServer } from "../fixtures";

const timeout = 20 * 60_000;

interface Situation {
  readonly name: string;
  /** The check that must fail; those before it find what they must, those behind it are not reached. */
  readonly fails: "connect" | "cancel";
  /** Whether the driver may say anything at all to the server: not to one that it must not trust. */
  readonly talks: boolean;
  readonly server: (endpoint: EndpointBehindFront) => Promise<FrontServer>;
  /** What is wrong with the target. */
  readonly change?: (target: ClientTarget) => ClientTarget;
}

const SITUATIONS: readonly Situation[] = [
  {
    name: "wrong password",
    fails: "connect",
    talks: true,
    server: (endpoint) => endpoint.listen(),
    change: (target) => ({ ...target, password: "not the password" }),
  },
  {
    name: "unknown host",
    fails: "connect",
    talks: false,
    server: (endpoint) => endpoint.listen(),
    change: (target) => ({ ...target, dottedHost: undefined, host: "no-such-endpoint.invalid" }),
  },
  {
    name: "expired certificate",
    fails: "connect",
    talks: false,
    server: (endpoint) => endpoint.listen({ expired: true }),
  },
  {
    name: "foreign certificate",
    fails: "connect",
    talks: false,
    server: (endpoint) => endpoint.listen({ foreign: true }),
  },
  {
    name: "certificate of another host",
    fails: "connect",
    talks: false,
    server: (endpoint) => endpoint.listen({ misnamed: true }),
  },
  {
    name: "server gone mid-query",
    fails: "cancel",
    talks: true,
    server: async (endpoint) => {
      const server = await endpoint.listen();
      server.goAwayAt("pg_sleep");
      return server;
    },
  },
];

interface Found {
  /** The driver's own error. */
  readonly detail: string;
  readonly problem: string | undefined;
}

async function meet(situation: Situation, program: ClientProgram, endpoint: EndpointBehindFront): Promise<Found> {
  const server = await situation.server(endpoint);
  const target = situation.change?.(server.target) ?? server.target;
  const { detail, problem } = failure(await program.run(target), situation.fails);
  const talked = server.serverNames().length > 0;
  if (problem !== undefined || talked === situation.talks) return { detail, problem };
  return { detail, problem: talked ? "it told its wishes to a server that it must not trust" : "it never got there" };
}

/** Neither the value that the check finds when all is well, nor silence, nor the end of its time. */
function failure({ results, end }: ClientRun, check: string): Found {
  const failed = results.filter(({ state }) => state === "failed");
  const [first] = failed;
  const detail = first === undefined ? "" : `${first.check}: ${first.detail}`;
  if (end.isOverTime) return { detail, problem: "it hung until its time was up" };
  if (failed.length !== 1 || first?.check !== check) {
    const found = failed.map((each) => `${each.check} (${each.detail})`).join(", ");
    return { detail, problem: `${check} should fail and nothing else; failed: ${found || "nothing"}\n${end.stderr}` };
  }
  if (first.detail === "" || end.exitCode === 0) return { detail, problem: "it failed without a word" };
  return { detail, problem: undefined };
}

for (const driver of clientDrivers()) {
  test(`${driver.name} tells what is wrong`, { timeout }, async ({ clientProgram, endpointBehindFront, tellRow }) => {
    const row = { title: "what drivers say", name: driver.name, shows: "details" } as const;
    tellRow({ ...row, cells: [] });
    const program = await clientProgram(driver);
    const endpoint = await endpointBehindFront();
    const cells: { column: string; state: string; detail: string }[] = [];
    const problems: string[] = [];
    for (const situation of SITUATIONS) {
      const { detail, problem } = await meet(situation, program, endpoint);
      cells.push({ column: situation.name, state: problem === undefined ? "ok" : "failed", detail });
      if (problem !== undefined) problems.push(`${driver.name}: ${situation.name}: ${problem}`);
    }
    tellRow({ ...row, cells });
    if (problems.length > 0) expect.fail(problems.join("\n"));
  });
}
