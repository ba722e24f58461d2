import { existsSync } from "node:fs";
import { expect, RemotePostgres, test } from "../fixtures";

test("a plain Postgres of the computes' version keeps its rows over a restart", async ({ vanillaPg, pgVersion }) => {
  vanillaPg.configure(["work_mem = '7MB'"]);
  await vanillaPg.start();
  expect(await vanillaPg.sql`select current_setting('server_version_num')::int / 10000 as major`).toEqual([
    { major: pgVersion },
  ]);
  expect(await vanillaPg.sql`show work_mem`).toEqual([{ work_mem: "7MB" }]);
  await vanillaPg.sql`create table t as select generate_series(1, 1000) as i`;
  await vanillaPg.restart();
  expect(await vanillaPg.sql`select sum(i)::int from t`).toEqual([{ sum: 500500 }]);
});

test("programs of the Postgres directory can be run, and a failure shows what they said", async ({
  pgBin,
  pgVersion,
  testOutputDir,
}) => {
  expect(existsSync(testOutputDir)).toBe(true);
  expect(await pgBin.run("postgres", ["--version"])).toMatch(new RegExp(`\\(PostgreSQL\\) ${pgVersion}\\.`));
  await expect(pgBin.run("postgres", ["--no-such-option"])).rejects.toThrow(/COMMAND_FAILED.*[\s\S]*no-such-option/);
  await expect(pgBin.run("no_such_program", [])).rejects.toThrow(/BINARY_MISSING/);
});

test("a plain Postgres speaks TLS, and its pg_hba.conf decides who gets in", async ({ vanillaPg }) => {
  const ca = await vanillaPg.enableTls();
  await vanillaPg.editHba(["hostnossl all guest all reject", "hostssl all guest all scram-sha-256"]);
  await vanillaPg.start();
  await vanillaPg.sql`create role guest login password 'the guest''s'`;
  const guest = { user: "guest", password: "the guest's", database: "postgres" };
  await expect(vanillaPg.query("select 1", [], guest)).rejects.toThrow(/rejects connection.*guest.*no encryption/);
  await expect(vanillaPg.query("select 1", [], { ...guest, tls: {} })).rejects.toThrow(
    /unable to verify the first certificate/,
  );
  const query = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()";
  expect(await vanillaPg.query(query, [], { ...guest, tls: { ca } })).toEqual([{ ssl: true, version: "TLSv1.3" }]);

  await vanillaPg.editHba(["hostssl all guest all reject"]);
  await expect(vanillaPg.query("select 1", [], { ...guest, tls: { ca } })).rejects.toThrow(/rejects connection/);
});

test("a Postgres that somebody else runs is reached by its connection string", async ({ vanillaPg }) => {
  await vanillaPg.enableTls();
  await vanillaPg.editHba(["hostssl all owner all scram-sha-256"]);
  await vanillaPg.start();
  await vanillaPg.sql`create role owner login password 'p@ss/word'`;
  await vanillaPg.sql`create database shop owner owner`;
  const where = `127.0.0.1:${vanillaPg.port}/shop`;
  const remote = new RemotePostgres(`postgresql://owner:p%40ss%2Fword@${where}?sslmode=require`);
  expect(await remote.sql`select current_user as who, current_database() as what`).toEqual([
    { who: "owner", what: "shop" },
  ]);
  // The certificate is nobody's whom the machine trusts.
  const strict = new RemotePostgres(`postgresql://owner:p%40ss%2Fword@${where}?sslmode=verify-full`);
  await expect(strict.sql`select 1`).rejects.toThrow(/unable to verify the first certificate/);
  expect(() => new RemotePostgres("host=localhost password=secret")).toThrow(/^BAD_VALUE: .*\n(?!.*secret)/);
});
