// `npx neon-test` in a clone: npx finds what is linked here. A "bin" in package.json would make it install the whole clone
// into its cache first.
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), "node_modules", ".bin");
mkdirSync(bin, { recursive: true });
rmSync(join(bin, "neon-test"), { force: true });
symlinkSync(join("..", "..", "scripts", "neon-test"), join(bin, "neon-test"));
