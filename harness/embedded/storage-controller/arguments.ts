/** The flags of storage_controller (§1.6). Those that are not read are accepted, so that Neon's command lines work. */
export const storageControllerArguments = {
  listen: { short: "l", kind: "string", required: true },
  dev: { kind: "boolean" },
  "database-url": { kind: "string" },
  "max-offline-interval": { kind: "string", default: "30s" },
  "max-warming-up-interval": { kind: "string", default: "30s" },
  "heartbeat-interval": { kind: "string", default: "5s" },
  "address-for-peers": { kind: "string" },
  "start-as-candidate": { kind: "boolean" },
  "neon-local-repo-dir": { kind: "string", required: true },
  "jwt-token": { kind: "string" },
  "peer-jwt-token": { kind: "string" },
  "public-key": { kind: "string" },
  "compute-hook-url": { kind: "string" },
  "split-threshold": { kind: "string" },
  "max-secondary-lag-bytes": { kind: "string" },
  "long-reconcile-threshold": { kind: "string" },
} as const;
