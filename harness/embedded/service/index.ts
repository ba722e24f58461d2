export * from "./api-error";
export { AuthError, checkTenantPermission, type Claims, JwtAuth, orForbidden, type Scope } from "./auth";
export { parseArguments, UsageError } from "./arguments";
export { type DaemonContext, runDaemon, type RunningDaemon } from "./daemon";
export { type HostPort, parseEndpointUrl, parseHostPort } from "./endpoints";
export { errorText, hasErrorCode, unlessMissing } from "./errors";
export {
  failAt,
  failNow,
  failpoint,
  isFailpointSet,
  putFailpoints,
  setFailpoint,
  sleepAt,
  startFailpoints,
} from "./failpoints";
export { readToml, syncDirectory, syncFile, writeFileDurably } from "./files";
export { type HttpHandler, HttpReply, type HttpRequest, HttpService } from "./http";
export { jsonText, parseJson } from "./json";
export { createLogger, type Logger, timestamp } from "./log";
export { createRegistry, metricsRoute } from "./metrics";
export { pause } from "./pause";
export { PermissionTable } from "./permissions";
export { claimPidFile } from "./pid-file";
export { openRemoteStorage } from "./remote/open";
export type { RemoteStorage } from "./remote/remote-storage";
export { isUnimplemented } from "./remote/unrecoverable";
export { VERSION_TEXT } from "./version";
