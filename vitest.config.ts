import { defineConfig } from "vitest/config";

// Its warning that later versions will need Node 22 would stand in every worker's output.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

const common = {
  pool: "forks" as const,
  isolate: false,
  testTimeout: 120_000,
  hookTimeout: 60_000,
  teardownTimeout: 60_000,
  retry: 0,
};

const versions = (process.env["NEON_TEST_PG_VERSIONS"] ?? "").split(",").filter((version) => version !== "");

/** One project per suite, or per suite and Postgres version where several are asked for. */
function suite(folder: string) {
  const project = (name: string, pgVersion: string) => ({
    test: { ...common, name, include: [`${folder}/**/*.test.ts`], provide: { pgVersion } },
  });
  const [only = ""] = versions;
  if (versions.length <= 1) return [project(folder, only)];
  return versions.map((version) => project(`${folder} v${version}`, version));
}

export default defineConfig({
  test: {
    ...common,
    globalSetup: ["fixtures/global-setup.ts"],
    projects: [
      { test: { ...common, name: "harness", include: ["harness/**/*.test.ts", "scripts/**/*.test.ts"] } },
      ...suite("regress"),
      ...suite("pg_clients"),
      ...suite("performance"),
    ],
  },
});
