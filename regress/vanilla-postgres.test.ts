import { existsSync } from "node:fs";
import { expect, test } from "../fixtures";

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
