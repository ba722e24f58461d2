import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NeonNode } from "./neon-node";
import { queryOnce, SqlSession, templateQuery } from "./sql";
import type { SqlOptions, SqlRow, SqlTarget } from "./sql";

/** A Postgres that we run, a compute's or a plain one: SQL, and its files. */
export abstract class PostgresNode extends NeonNode {
  /** Where its data directory stands. */
  abstract get pgdata(): string;
  protected abstract sqlTarget(): SqlTarget;

  /** For `psql` and drivers; the user is the superuser cloud_admin. */
  get connstr(): string {
    const { user, host, port, database } = this.sqlTarget();
    return `postgresql://${user}@${host}:${port}/${database}`;
  }

  /** Runs one statement in a session of its own and returns its rows; `${value}` becomes a parameter. */
  sql(strings: TemplateStringsArray, ...values: unknown[]): Promise<SqlRow[]> {
    return queryOnce(this.sqlTarget(), ...templateQuery(strings, values));
  }

  /** The same for a statement that is a plain string. */
  query(text: string, values?: readonly unknown[], options: SqlOptions = {}): Promise<SqlRow[]> {
    return queryOnce(this.sqlTarget(), text, values, options);
  }

  connect(options: SqlOptions = {}): Promise<SqlSession> {
    return SqlSession.connect(this.sqlTarget(), options);
  }

  /** Puts lines before all others of pg_hba.conf, where the first that fits decides; a running server reads it again. */
  async editHba(lines: readonly string[]): Promise<void> {
    const path = join(this.pgdata, "pg_hba.conf");
    writeFileSync(path, `${lines.join("\n")}\n${readFileSync(path, "utf8")}`);
    if (this.isRunning()) await this.sql`select pg_reload_conf()`;
  }

  /** What a folder of the data directory takes, in bytes. */
  getSubdirSize(subdir: string): number {
    const root = join(this.pgdata, subdir);
    const names = readdirSync(root, { recursive: true, encoding: "utf8" });
    return names.reduce((sum, name) => sum + (lstatSync(join(root, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  }
}
