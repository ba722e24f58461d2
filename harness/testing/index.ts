export { bundleText } from "./bundle";
export {
  cacheDir,
  distribution,
  engineProgram,
  identity,
  pgDistribDir,
  pgVersions,
  programEnvironment,
} from "./engine";
export { freePort } from "./ports";
export { isLongRun, oneOf, randomFrom, testSeed } from "./seeded";
export type { Random } from "./seeded";
export { giveToNodes, makeTestDirectory } from "./test-directory";
