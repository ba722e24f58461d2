export { localFsStorage, remoteStorageToml } from "./remote-storage";
export type { RemoteStorage } from "./remote-storage";
