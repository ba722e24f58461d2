import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, requires, TenantId, test, TimelineId } from "../fixtures";
import type { NeonEnv } from "../fixtures";

const DENIED = /JWT authentication error/;
const FORBIDDEN = /403 .*Forbidden: JWT authentication error/;
const UNAUTHORIZED = /401 .*Unauthorized: missing authorization header/;

/** A branch of the initial timeline, made at the pageserver with this token; null is no token. */
async function branchWith(env: NeonEnv, authToken: string | null): Promise<void> {
  await env.pageserver.httpClient({ authToken }).createTimeline(env.initialTenant, {
    new_timeline_id: TimelineId.generate(),
    ancestor_timeline_id: env.initialTimeline,
  });
}

function allowRefusals(env: NeonEnv): void {
  const refusals = [/Forbidden/, /Unauthorized/, /Authentication error/, /JWT authentication error/, /JWT scope/];
  for (const node of [env.pageserver, env.storageController]) node.allowedErrors.push(...refusals);
}

// covers: test_auth.py::test_pageserver_auth
test(
  "a pageserver's HTTP API takes a tenant's token for that tenant, and its own for all",
  requires("auth"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
    allowRefusals(env);
    const { authKeys, initialTenant } = env;
    const ofTenant = authKeys.generateToken("tenant", { tenantId: initialTenant });
    const ofPageserver = authKeys.generateToken("pageserverapi");

    await branchWith(env, ofTenant);
    await branchWith(env, ofPageserver);
    const ofAnother = authKeys.generateToken("tenant", { tenantId: TenantId.generate() });
    for (const token of [
      ofAnother,
      authKeys.generateToken("safekeeperdata"),
      `${ofTenant.slice(0, -4)}AAAA`,
      "garbage",
    ]) {
      await expect(branchWith(env, token)).rejects.toThrow(FORBIDDEN);
    }
    await expect(branchWith(env, null)).rejects.toThrow(UNAUTHORIZED);

    const created = TenantId.generate();
    await env.pageserver.tenantAttach(created, {}, { authToken: ofPageserver });
    const tenants = await env.pageserver.httpClient().listTenants();
    expect(tenants.map(({ id }) => id)).toContain(created);
    const refused = env.pageserver.tenantAttach(TenantId.generate(), {}, { authToken: ofTenant });
    await expect(refused).rejects.toThrow(FORBIDDEN);
    await expect(env.pageserver.httpClient({ authToken: ofTenant }).listTenants()).rejects.toThrow(FORBIDDEN);
    // What a monitor reads is open.
    await env.pageserver.httpClient({ authToken: null }).metrics();
  },
);

// covers: test_auth.py::test_compute_auth_to_pageserver
test(
  "a compute shows its token to the pageserver and to every safekeeper",
  requires("auth"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled: true, numSafekeepers: 3 }).initStart();
    await env.createBranch("child");
    const endpoint = await env.endpoints.createStart("child");
    await endpoint.sql`create table t as select generate_series(1, 100000) as i`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    await env.pageserver.restart();
    await endpoint.start();
    expect(await endpoint.sql`select sum(i) from t`).toEqual([{ sum: "5000050000" }]);
  },
);

// covers: test_auth.py::test_pageserver_multiple_keys
test(
  "a pageserver accepts every key of a directory, and forgets one that is gone when it reloads",
  requires("auth"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
    allowRefusals(env);
    const keyPath = join(env.repoDir, "auth_public_key.pem");
    const oldToken = env.authKeys.generateToken("pageserverapi");
    const withOldToken = env.pageserver.httpClient({ authToken: oldToken });
    // The configured path is a file; from now on it is a directory that has that file.
    renameSync(keyPath, `${keyPath}.file`);
    mkdirSync(keyPath, { mode: 0o755 });
    renameSync(`${keyPath}.file`, join(keyPath, "old.pem"));
    env.regenerateKeysAt("auth_private_key.pem", "auth_public_key.pem/new.pem");
    const newToken = env.authKeys.generateToken("pageserverapi");
    await expect(branchWith(env, newToken)).rejects.toThrow(FORBIDDEN);

    await withOldToken.reloadAuthValidationKeys();
    await branchWith(env, oldToken);
    await branchWith(env, newToken);

    rmSync(join(keyPath, "old.pem"));
    await withOldToken.reloadAuthValidationKeys();
    await expect(branchWith(env, oldToken)).rejects.toThrow(FORBIDDEN);
    await branchWith(env, newToken);
  },
);

// covers: test_auth.py::test_pageserver_key_reload
test(
  "a pageserver that reloads its key accepts tokens of the new one only",
  requires("auth"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
    allowRefusals(env);
    const oldToken = env.authKeys.generateToken("pageserverapi");
    const withOldToken = env.pageserver.httpClient({ authToken: oldToken });
    env.regenerateKeysAt("auth_private_key.pem", "auth_public_key.pem");
    await withOldToken.reloadAuthValidationKeys();
    await expect(withOldToken.reloadAuthValidationKeys()).rejects.toThrow(FORBIDDEN);
    await expect(branchWith(env, oldToken)).rejects.toThrow(FORBIDDEN);
    await env.pageserver.httpClient().reloadAuthValidationKeys();
    await branchWith(env, env.authKeys.generateToken("pageserverapi"));
  },
);

// covers: test_auth.py::test_auth_failures
test.for([true, false])(
  "sessions of pageserver and safekeeper, auth enabled: %s",
  requires("auth"),
  async (authEnabled, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled }).initStart();
    allowRefusals(env);
    env.pageserver.allowedErrors.push(/query handler for .* failed/, /Tenant id mismatch/);
    await env.endpoints.createStart("main");
    const { authKeys, initialTenant: tenantId, initialTimeline: timelineId } = env;
    const tokens = {
      none: null,
      tenant: authKeys.generateToken("tenant", { tenantId }),
      anotherTenant: authKeys.generateToken("tenant", { tenantId: TenantId.generate() }),
      pageserver: authKeys.generateToken("pageserverapi"),
      safekeeper: authKeys.generateToken("safekeeperdata"),
    };
    /** Which tokens open a session in which the command succeeds. */
    const accepted = async (run: (authToken: string | null) => Promise<void>): Promise<string[]> => {
      const names: string[] = [];
      for (const [name, token] of Object.entries(tokens)) {
        const failure: unknown = await run(token).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure === undefined) names.push(name);
        else expect(String(failure)).toMatch(/JWT authentication error|asks for a password/);
      }
      return names;
    };
    const pages = await accepted(async (authToken) => {
      const session = await env.pageserver.connect({ authToken });
      const stream = await session.copyBoth(`pagestream_v2 ${tenantId} ${timelineId}`).finally(() => session.destroy());
      stream.finish();
    });
    const wal = (tenantOnly: boolean) =>
      accepted(async (authToken) => {
        const session = await env.safekeepers[0]?.connect({ tenantId, timelineId }, { authToken, tenantOnly });
        await session?.query("IDENTIFY_SYSTEM").finally(() => session.destroy());
      });
    const everyone = Object.keys(tokens);
    expect(pages).toEqual(authEnabled ? ["tenant", "pageserver"] : everyone);
    expect(await wal(false)).toEqual(authEnabled ? ["tenant", "safekeeper"] : everyone);
    expect(await wal(true)).toEqual(authEnabled ? ["tenant"] : everyone);
  },
);

// covers: test_wal_acceptor.py::test_sk_auth
test(
  "each port of a safekeeper can ask for tokens, or not, by itself",
  requires("auth"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
    const [safekeeper] = env.safekeepers;
    if (safekeeper === undefined) throw new Error("no safekeeper");
    await env.endpoints.createStart("main");
    const { initialTenant: tenantId, initialTimeline: timelineId } = env;
    const ask = {
      http: () => safekeeper.httpClient({ authToken: null }).timelineStatus(tenantId, timelineId),
      pg: (tenantOnly: boolean, authToken: string | null) =>
        safekeeper
          .connect({ tenantId, timelineId }, { authToken, tenantOnly })
          .then((session) => session.query("IDENTIFY_SYSTEM").finally(() => session.destroy())),
    };
    await expect(ask.http()).rejects.toThrow(UNAUTHORIZED);
    await expect(ask.pg(false, null)).rejects.toThrow(/asks for a password/);
    await safekeeper
      .httpClient({ authToken: env.authKeys.generateToken("tenant", { tenantId }) })
      .timelineStatus(tenantId, timelineId);

    await safekeeper.restart({ extraOptions: ["--http-auth-public-key-path="] });
    await ask.http();
    await expect(ask.pg(false, null)).rejects.toThrow(/asks for a password/);

    await safekeeper.restart({ extraOptions: ["--http-auth-public-key-path=", "--pg-auth-public-key-path="] });
    await ask.http();
    await ask.pg(false, null);
    await expect(ask.pg(true, null)).rejects.toThrow(/asks for a password/);
    await expect(ask.pg(true, env.authKeys.generateToken("safekeeperdata"))).rejects.toThrow(DENIED);
    await ask.pg(true, env.authKeys.generateToken("tenant", { tenantId }));
  },
);

// covers: test_storage_controller.py::test_storage_controller_auth
test("the storage controller asks for a scope by the kind of call", requires("auth"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
  allowRefusals(env);
  const { authKeys, storageController, initialTenant } = env;
  const as = (authToken: string | null) => storageController.httpClient({ authToken });
  type Client = ReturnType<typeof as>;
  const calls: [string, (client: Client) => Promise<unknown>, readonly string[]][] = [
    ["ready", (client) => client.ready(), ["none", "pageserverapi", "generations_api", "infra", "scrubber", "admin"]],
    ["create a tenant", (client) => client.createTenant({ tenantId: TenantId.generate() }), ["pageserverapi", "admin"]],
    ["dump", (client) => client.dumpShards(), ["admin"]],
    ["validate", (client) => client.validate([]), ["generations_api", "admin"]],
    ["list nodes", (client) => client.listNodes(), ["infra", "admin"]],
    ["describe a tenant", (client) => client.describeTenant(initialTenant), ["scrubber", "admin"]],
    ["leader", (client) => client.leader(), ["admin"]],
  ];
  const scopes = ["pageserverapi", "generations_api", "infra", "scrubber", "admin"] as const;
  for (const [name, call, accepted] of calls) {
    const found: string[] = [];
    for (const scope of ["none", ...scopes] as const) {
      const token = scope === "none" ? null : authKeys.generateToken(scope);
      const outcome: unknown = await call(as(token)).then(
        () => "accepted",
        (error: unknown) => error,
      );
      if (outcome === "accepted") found.push(scope);
      else expect(String(outcome)).toMatch(scope === "none" ? UNAUTHORIZED : FORBIDDEN);
    }
    expect(found, name).toEqual(accepted);
  }
});

// covers: test_pageserver_api.py::test_pageserver_http_api_client_auth_enabled
test(
  "with a token the pageserver's API lists and creates tenants and timelines",
  requires("auth"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
    const client = env.pageserver.httpClient({ authToken: env.authKeys.generateToken("pageserverapi") });
    const tenantId = TenantId.generate();
    await env.pageserver.tenantAttach(tenantId);
    const ids = (await client.listTenants()).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set([env.initialTenant, tenantId]));
    expect(await client.listTimelines(tenantId)).toEqual([]);
    const timelineId = TimelineId.generate();
    await client.createTimeline(tenantId, { new_timeline_id: timelineId, pg_version: env.pgVersion });
    expect(await client.timelineDetail(tenantId, timelineId)).toMatchObject({
      tenant_id: tenantId,
      timeline_id: timelineId,
    });
  },
);
