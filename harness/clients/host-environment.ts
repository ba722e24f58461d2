const OTHERS = /^(PG|NEON_|VITEST|npm_|NODE_OPTIONS$|NODE_ENV$|FORCE_COLOR$|BENCHMARK_CONNSTR$)/;

/** The person's own environment, where toolchains have their settings, without what would reach a driver by the back door. */
export function hostEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OTHERS.test(entry[0]),
  );
  return { ...Object.fromEntries(own), NO_COLOR: "1", LC_ALL: "C.UTF-8" };
}
