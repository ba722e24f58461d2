export { detectEngine } from "./detect";
export { decodeEngine, encodeEngine, Engine } from "./engine";
export type { NodeBinary } from "./engine";
export { isExecutable, requirePgVersion } from "./executables";
export type { Feature } from "./features";
export { addedPostgres, findPostgres, postgresCache } from "./postgres-places";
export type { PostgresPlace } from "./postgres-places";
export { buildCommand, prepareEmbeddedEngine, prepareEngine } from "./prepare";
