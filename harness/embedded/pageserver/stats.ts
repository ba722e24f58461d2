import { Observations } from "../service/summed-histogram";

/** What this pageserver has done since it started; a process is one pageserver. */
export const stats = {
  /** By name of the command, as Neon's metric has it. */
  computeCommands: { Basebackup: 0, Fullbackup: 0, LeaseLsn: 0, PageStreamV2: 0, PageStreamV3: 0, Set: 0 },
  connectionsStarted: 0,
  connectionsFinished: 0,
  downloads: { layers: 0, bytes: 0 },
  evictions: { started: 0, completed: 0, forDiskUsage: 0 },
  layerDeletes: 0,
  walReceiver: { brokerUpdates: 0, connections: 0, candidatesAdded: 0, candidatesRemoved: 0, switches: 0 },
  walRecords: 0,
  walBytes: 0,
  waitLsn: new Observations(),
  /** Builds of data directories that pages are read from. */
  materialize: new Observations(),
  attach: new Observations(),
  slotWrites: 0,
  startup: { scheduled: 0, complete: 0, isLoading: 1, phases: new Map<string, number>() },
};

/** Observes the time that `work` takes, in seconds. */
export async function timed<T>(observations: Observations, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  try {
    return await work();
  } finally {
    observations.observe((performance.now() - begin) / 1000);
  }
}
