import { mkdirSync, readFileSync } from "node:fs";
import { onTestFinished, expect, test } from "vitest";
import { AuthKeys } from "../auth";
import { freePort, giveToNodes } from "../testing";
import type { NeonNode } from "./neon-node";
import { Pageserver } from "./pageserver";
import { Safekeeper } from "./safekeeper";
import { StorageController } from "./storage-controller";
import { StandIns } from "./testing/stand-ins";

/** Shows its command line and its tokens, and answers 200 on every port that it is given with `--listen-http` or `-l`. */
const SHOWS_ITS_ARGUMENTS = `
  import { createServer } from "node:http";
  const argv = process.argv.slice(2);
  const { NEON_AUTH_TOKEN, SAFEKEEPER_AUTH_TOKEN, HTTP_PORT } = process.env;
  console.log(JSON.stringify({ argv, env: { NEON_AUTH_TOKEN, SAFEKEEPER_AUTH_TOKEN } }));
  createServer((request, response) => response.end()).listen(Number(HTTP_PORT), "127.0.0.1");`;

interface Shown {
  argv: string[];
  env: Record<string, string | undefined>;
}

async function shownBy(node: NeonNode, httpPort: number): Promise<Shown> {
  await node.start({ environment: { HTTP_PORT: String(httpPort) } });
  onTestFinished(() => node.kill9());
  return JSON.parse(readFileSync(node.logPath, "utf8").split("\n")[0] ?? "") as Shown;
}

/** The scope of a token that these keys have signed. */
const scopeOf = (token: string | undefined): unknown =>
  (JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString()) as { scope: unknown }).scope;

test.for([true, false])("keys and tokens reach every node where they are asked for: %s", async (authEnabled) => {
  const standIns = new StandIns();
  onTestFinished(() => standIns[Symbol.dispose]());
  for (const name of ["pageserver", "safekeeper", "storage_controller"]) standIns.program(name, SHOWS_ITS_ARGUMENTS);
  const plain = standIns.context();
  mkdirSync(plain.repoDir);
  giveToNodes(plain.repoDir);
  const authKeys = AuthKeys.create(plain.repoDir);
  const context = { ...plain, authKeys: authEnabled ? authKeys : undefined };
  const http = await freePort();
  const storageController = new StorageController(context, { instanceId: 1, ports: { http, database: 0 }, config: {} });
  const [pgPort, httpPort] = [await freePort(), await freePort()];
  const config = { http_auth_type: authEnabled ? "NeonJWT" : "Trust" };
  const pageserver = new Pageserver(
    context,
    { id: 1, pgPort, httpPort, availabilityZone: "a", config },
    storageController,
  );
  const ports = { pgPort: await freePort(), pgTenantOnlyPort: await freePort(), httpPort: await freePort() };
  const settings = { id: 1, ...ports, brokerUrl: "http://127.0.0.1:1/", fsync: false, extraOptions: ["--last"] };
  const safekeeper = new Safekeeper(context, settings);
  for (const node of [storageController, pageserver, safekeeper]) node.writeConfig();

  const shown = {
    controller: await shownBy(storageController, http),
    pageserver: await shownBy(pageserver, httpPort),
    safekeeper: await shownBy(safekeeper, ports.httpPort),
  };
  const valueOf = ({ argv }: Shown, flag: string) =>
    argv.find((each) => each.startsWith(`${flag}=`))?.slice(flag.length + 1);
  const keyFlags = shown.safekeeper.argv.filter((flag) => flag.endsWith("-auth-public-key-path"));
  // What a test says comes last, so that it wins.
  expect(shown.safekeeper.argv.at(-1)).toBe("--last");
  if (!authEnabled) {
    expect(keyFlags).toEqual([]);
    expect(shown.pageserver.env).toEqual({});
    expect(shown.safekeeper.env).toEqual({});
    expect(shown.controller.argv.join(" ")).not.toMatch(/jwt|public-key/);
    return;
  }
  expect(keyFlags).toHaveLength(3);
  expect(shown.safekeeper.argv[shown.safekeeper.argv.indexOf("--http-auth-public-key-path") + 1]).toBe(
    authKeys.publicKeyPath,
  );
  expect(scopeOf(shown.safekeeper.env["SAFEKEEPER_AUTH_TOKEN"])).toBe("safekeeperdata");
  expect(scopeOf(shown.pageserver.env["NEON_AUTH_TOKEN"])).toBe("safekeeperdata");
  expect(scopeOf(valueOf(shown.controller, "--jwt-token"))).toBe("pageserverapi");
  expect(scopeOf(valueOf(shown.controller, "--peer-jwt-token"))).toBe("admin");
  expect(valueOf(shown.controller, "--public-key")).toBe(authKeys.publicKeyPem);
});
