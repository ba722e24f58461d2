export { detectEngine } from "./detect";
export { decodeEngine, encodeEngine, Engine } from "./engine";
export { requirePgVersion } from "./executables";
export { prepareEmbeddedEngine, prepareEngine } from "./prepare";
export type { NodeBinary } from "./engine";
export type { Feature } from "./features";
