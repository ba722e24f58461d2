import type { Mutant } from "../mutant";
import { compute } from "./compute";
import { pageserver } from "./pageserver";
import { remoteStorage } from "./remote-storage";
import { safekeeper } from "./safekeeper";
import { storageController } from "./storage-controller";

/** Every planted bug. */
export const MUTANTS: readonly Mutant[] = [
  ...compute,
  ...safekeeper,
  ...pageserver,
  ...remoteStorage,
  ...storageController,
];
