/**
 * What a test may ask of an engine with `requires(…)`. A test whose needs are not met is skipped with the reason.
 * testing: the pageserver answers Test messages. failpoints: PUT /v1/failpoints works. smgr: computes read pages from
 * the pageserver on demand. neon_local: the command line tool stands in the directory. psql: the Postgres directory
 * carries client programs.
 */
export const FEATURES = ["testing", "failpoints", "smgr", "neon_local", "psql"] as const;

export type Feature = (typeof FEATURES)[number];

/** The features of an engine as its pageserver's `--version` line states them, e.g. `… failpoints: true, features: ["testing"]`. */
export function featuresOfVersionLine(line: string): Set<Feature> {
  const features = new Set<Feature>();
  if (/features: \[[^\]]*"testing"/.test(line)) features.add("testing");
  if (/failpoints: true/.test(line)) features.add("failpoints");
  return features;
}
