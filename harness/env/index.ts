export type { Branch } from "./branches";
export { describeAddresses } from "./addresses";
export { NeonEnv } from "./neon-env";
export { NeonEnvBuilder } from "./neon-env-builder";
export type { NeonEnvSettings } from "./settings";
export { requireOutputDirectory } from "./output-directory";
export { TestDirectory } from "./test-directory";
