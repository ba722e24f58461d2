export { detectEngine } from "./detect";
export { decodeEngine, encodeEngine, Engine } from "./engine";
export { isExecutable, requirePgVersion } from "./executables";
export { addedPostgres, findPostgres, postgresCache } from "./postgres-places";
export type { PostgresPlace } from "./postgres-places";
export { prepareEmbeddedEngine, prepareEngine } from "./prepare";
export type { NodeBinary } from "./engine";
export type { Feature } from "./features";
