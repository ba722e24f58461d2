import { defineConfig } from "vitest/config";
import { COMMON, projectsOf } from "./scripts/runner/vitest/projects.ts";
import { SUITES } from "./scripts/runner/vitest/suites.ts";

// Its warning that later versions will need Node 22 would stand in every worker's output.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

const versions = (process.env["NEON_TEST_PG_VERSIONS"] ?? "").split(",").filter((version) => version !== "");

/** For editors, and for `vitest run` by itself; the command makes its own configuration of the same parts. */
export default defineConfig({
  test: {
    ...COMMON,
    globalSetup: ["fixtures/global-setup.ts"],
    projects: SUITES.flatMap((suite) => projectsOf(suite, versions)),
  },
});
