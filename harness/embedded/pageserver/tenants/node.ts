import type { BrokerClient } from "../../broker/client";
import type { PgDistribution } from "../../pg/distribution";
import { findDistribution } from "../../pg/distribution";
import type { Logger } from "../../service";
import type { PgVersion } from "../../../types";
import type { PageserverConfig } from "../config/config";
import type { MaterializedImages } from "../page-service/materialized-images";
import type { DeletionQueue } from "../remote/deletion-queue";
import type { RemoteStorage } from "../../service";
import type { QuerySeries } from "../timeline/timeline-metrics";

/** What all tenants of this pageserver share. */
export interface PageserverNode {
  readonly config: PageserverConfig;
  readonly remote: RemoteStorage;
  readonly deletions: DeletionQueue;
  readonly broker: BrokerClient;
  readonly images: MaterializedImages;
  readonly queries: QuerySeries;
  readonly log: Logger;
}

/** The Postgres of a version in pg_distrib_dir; throws when it is not there. */
export function distributionOf(config: PageserverConfig, version: PgVersion): PgDistribution {
  return findDistribution(config.pgDistribDir, version);
}
