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
export { isAlive } from "./is-alive";
export { isLongRun } from "./long-run";
export { giveToNodes, makeTestDirectory } from "./test-directory";
