#!/usr/bin/env node
// The command, where this package is installed in another project: nothing is built there.
process.env["NEON_TEST_BUILT"] = "1";
await import("../dist/command/main.js");
