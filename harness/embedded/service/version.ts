import packageJson from "../../../package.json" with { type: "json" };

/** What tests may ask of this engine: see harness/engine/features.ts. */
const FEATURES = [
  ...["testing", "auth", "replicas", "static_endpoints", "sharding", "secondaries", "controller_peers"],
];

/** What `--version` prints after the daemon's name, and its log says first. */
export const VERSION_TEXT = `embedded:${packageJson.version} failpoints: true, features: ${JSON.stringify(FEATURES)}`;

/** Label values of the metric libmetrics_build_info. */
export const BUILD_INFO = { revision: `embedded:${packageJson.version}`, build_tag: "build_tag-env:embedded" };
