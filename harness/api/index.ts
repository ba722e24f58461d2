export { ComputeClient } from "./compute-client";
export { HttpClient, HttpStatusError } from "./http-client";
export { Metrics, parseMetrics } from "./metrics";
export { PageserverClient } from "./pageserver-client";
export type { LocationConfig, TimelineInfo } from "./pageserver-client";
export { SafekeeperClient } from "./safekeeper-client";
export { StorageControllerClient } from "./storage-controller-client";
