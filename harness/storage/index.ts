export { availableRemoteStorages, availableS3Storages, remoteStorageOfRun, s3Storage } from "./kinds";
export type { RemoteStorageKind, StorageUser } from "./kinds";
export type { Heatmap, IndexPart, TenantManifest } from "./neon-documents";
export type { RemoteObject } from "./object-storage";
export { closeRemoteStorage, openRemoteStorage } from "./open-remote-storage";
export { openFolder, openS3 } from "./open-existing";
export type { RemoteStorage } from "./remote-storage";
