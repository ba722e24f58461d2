/** Programs of Neon's that stand beside the five nodes in some builds; a test that needs one says `requires("pagectl")`. */
export const NEON_TOOLS = [
  ...(["neon_local", "storcon_cli", "pagectl", "pagebench", "storage_scrubber", "wal_craft", "proxy"] as const),
  ...(["local_proxy", "fast_import", "test_helper_slow_client_reads"] as const),
] as const;

export type NeonTool = (typeof NEON_TOOLS)[number];

/**
 * What a test may ask of an engine with `requires(…)`. A test whose needs are not met is skipped with the reason.
 * testing: the pageserver answers Test messages. failpoints: PUT /v1/failpoints works. auth: nodes check JSON web tokens.
 * smgr: computes read pages from the pageserver on demand. neon_extension: computes have the extension `neon` and its
 * settings. replicas, static_endpoints: computes that only read, at the head or at an LSN. sharding: tenants of several
 * shards. secondaries: warm locations beside the attached one. controller_peers: several storage controllers, one of
 * which leads. controller_forwarding: one that has stepped down passes on what it is asked. s3: pageservers and
 * safekeepers take a bucket as remote storage. compatibility: an earlier release stands beside, to mix its nodes with
 * these. psql: the Postgres directory carries client programs. real: Neon's own binaries; the tag `real-only` asks for them.
 * Every tool of Neon's is a feature, too.
 */
const FEATURES = [
  ...(["testing", "failpoints", "auth", "smgr", "neon_extension", "replicas", "static_endpoints"] as const),
  ...(["s3", "sharding", "secondaries", "controller_peers", "controller_forwarding"] as const),
  ...(["compatibility", "psql", "real"] as const),
  ...NEON_TOOLS,
] as const;

export type Feature = (typeof FEATURES)[number];

/** What every build of Neon at this revision can do, whatever it was built with. */
export const NEON_FEATURES: readonly Feature[] = [
  ...(["auth", "smgr", "neon_extension", "replicas", "static_endpoints", "sharding", "secondaries"] as const),
  ...(["controller_peers", "controller_forwarding", "s3", "real"] as const),
];

/**
 * The features of an engine as its pageserver's `--version` line states them, e.g.
 * `… failpoints: true, features: ["testing"]`. The embedded engine names there whatever it can do.
 */
export function featuresOfVersionLine(line: string): Set<Feature> {
  const named: readonly string[] = /features: \[([^\]]*)\]/.exec(line)?.[1]?.match(/\w+/g) ?? [];
  const features = new Set<Feature>(FEATURES.filter((feature) => named.includes(feature)));
  if (line.includes("failpoints: true")) features.add("failpoints");
  return features;
}
