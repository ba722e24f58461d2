import packageJson from "../../../package.json" with { type: "json" };

/** What `--version` prints after the daemon's name, and its log says first. */
export const VERSION_TEXT = `embedded:${packageJson.version} failpoints: false, features: ["testing"]`;

/** Label values of the metric libmetrics_build_info. */
export const BUILD_INFO = { revision: `embedded:${packageJson.version}`, build_tag: "build_tag-env:embedded" };
