export { bundleText } from "./bundle";
export { cacheDir, distribution, engineProgram, identity, pgDistribDir, programEnvironment } from "./engine";
export { freePort } from "./ports";
export { giveToNodes, makeTestDirectory } from "./test-directory";
