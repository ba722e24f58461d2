export { NeonEnv } from "./neon-env";
export { NeonEnvBuilder } from "./neon-env-builder";
export { TestDirectory } from "./test-directory";
