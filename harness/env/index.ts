export { describeAddresses } from "./addresses";
export { NeonEnv } from "./neon-env";
export { NeonEnvBuilder } from "./neon-env-builder";
export { requireOutputDirectory } from "./output-directory";
export { TestDirectory } from "./test-directory";
