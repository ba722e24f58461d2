import { Lsn } from "../../types";
import type { NeonSystem } from "../systems/neon-system";
import type { PageTarget } from "./page-request";

/** A relation as its pageserver has it now, everything that was written so far included. */
export async function pagesOf(system: NeonSystem, relation: string): Promise<PageTarget> {
  const { env, endpoint } = system;
  await system.flush();
  const { tenantId, timelineId } = endpoint.settings;
  const { last_record_lsn } = await env.pageserver.httpClient().timelineDetail(tenantId, timelineId);
  const [row] = await system.query(
    `select pg_relation_filenode($1)::int as node, (pg_relation_size($1) / 8192)::int as pages,
       (select oid::int from pg_database where datname = current_database()) as db`,
    [relation],
  );
  const { node, db, pages } = row as { node: number; db: number; pages: number };
  const rel = { spcNode: 1663, dbNode: db, relNode: node, forkNum: 0 };
  return {
    host: "127.0.0.1",
    port: env.pageserver.pgPort,
    tenantId,
    timelineId,
    rel,
    pages,
    lsn: Lsn.parse(last_record_lsn),
  };
}
