import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A PostgreSQL that was built from source; the two are one folder where it was built in its source. */
export interface BuildTree {
  readonly build: string;
  readonly source: string;
  /** Of the source: `17.2`. */
  readonly version: string;
}

/** A folder that is not a build of PostgreSQL's source, and what is missing. */
export interface NoBuildTree {
  readonly missing: string;
}

/**
 * The build that stands at `path`, a built source, the folder of a build outside of its source, or `src/test/regress` in
 * either. `elsewhere`: where the source may stand when the build no longer knows.
 */
export function openBuildTree(path: string, elsewhere: readonly string[] = []): BuildTree | NoBuildTree {
  const build = path.replace(/\/src\/test\/regress\/?$/, "");
  const schedule = "src/test/regress/parallel_schedule";
  const source = [build, ...sourceOf(build), ...elsewhere].find((each) => existsSync(join(each, schedule)));
  if (source === undefined) return { missing: `${schedule}, there or in the source that its Makefile.global names` };
  const configure = join(source, "configure");
  const version = existsSync(configure) ? /^PACKAGE_VERSION='([^']+)'/m.exec(readFileSync(configure, "utf8"))?.[1] : "";
  return version ? { build, source, version } : { missing: `configure with PostgreSQL's version, in ${source}` };
}

/** What `configure` wrote down. */
function sourceOf(build: string): string[] {
  const makefile = join(build, "src/Makefile.global");
  if (!existsSync(makefile)) return [];
  const source = /^abs_top_srcdir\s*=\s*(\/.+)$/m.exec(readFileSync(makefile, "utf8"))?.[1];
  return source === undefined ? [] : [source];
}

/** `17.2`, `17beta1`, `15.20 (Debian 15.20-0+deb12u1)` → 17, 17, 15. */
export const majorOf = (version: string): number => Number.parseInt(version, 10);
