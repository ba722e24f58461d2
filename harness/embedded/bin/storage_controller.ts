import "../service/small-heap";
import { parseArguments, parseHostPort, runDaemon } from "../service";
import { storageControllerArguments } from "../storage-controller/arguments";
import { parseHumantime } from "../storage-controller/humantime";
import { startStorageController } from "../storage-controller/server";

runDaemon("storage_controller", async ({ log, argv }) => {
  const flags = parseArguments(storageControllerArguments, argv);
  const controller = await startStorageController(parseHostPort(flags["listen"]), {
    log,
    repoDir: flags["neon-local-repo-dir"],
    heartbeatIntervalMs: parseHumantime(flags["heartbeat-interval"]),
    maxOfflineIntervalMs: parseHumantime(flags["max-offline-interval"]),
    maxWarmingUpIntervalMs: parseHumantime(flags["max-warming-up-interval"]),
    addressForPeers: flags["address-for-peers"] ?? `http://${flags["listen"]}/`,
    computeHookUrl: flags["compute-hook-url"] ?? flags["control-plane-url"],
    controlPlaneToken: flags["control-plane-jwt-token"],
    startAsCandidate: flags["start-as-candidate"],
    peerToken: flags["peer-jwt-token"],
    longReconcileThresholdMs: parseHumantime(flags["long-reconcile-threshold"]),
    maxSecondaryLagBytes: flags["max-secondary-lag-bytes"],
    jwtToken: flags["jwt-token"],
    publicKey: flags["public-key"],
  });
  return { stop: () => controller.close() };
});
