import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { HarnessError } from "../../../harness/types";
import type { Project } from "../../project";
import { selectSuites } from "../suites";

const ENDING = ".test.ts";
const FOLDER = "performance";

/** `bulk-insert` stands for performance/bulk-insert.test.ts; what is no such name stays as it is. */
export function benchmarkPath(project: Project, text: string): string {
  const path = join(project.root, FOLDER, `${text}${ENDING}`);
  return project.isClone && existsSync(path) ? path : text;
}

/** Throws UNKNOWN_SUITE for a name that is neither a benchmark's nor a path, with the names that there are. */
export function requireBenchmarks(project: Project, names: readonly string[]): void {
  if (!project.isClone) return;
  const places = [process.cwd(), project.root, join(project.root, FOLDER)];
  const isThere = (name: string): boolean =>
    places.some((place) => existsSync(resolve(place, name)) || existsSync(resolve(place, `${name}${ENDING}`)));
  const unknown = names.filter((name) => !isThere(name));
  if (unknown.length === 0) return;
  const known = filesBelow(join(project.root, FOLDER)).map((path) => basename(path, ENDING));
  throw new HarnessError("UNKNOWN_SUITE", {
    summary: `there is no benchmark ${unknown.map((name) => JSON.stringify(name)).join(", ")}`,
    expected: `${known.join(", ")}; or a path`,
    found: unknown.join(", "),
    todo: "correct the name; single benchmarks of a file are chosen with -k",
  });
}

/** Every file that these names, files and folders stand for; all benchmarks where there are none. Throws UNKNOWN_SUITE. */
export function benchmarkFiles(project: Project, names: readonly string[]): string[] {
  const all = project.isClone ? [FOLDER] : ["."];
  const paths = names.length === 0 ? all : names.map((name) => benchmarkPath(project, name));
  const { filters } = selectSuites(project, paths, project.root);
  const places = filters.length === 0 ? all : filters;
  return places
    .flatMap((place) => filesBelow(resolve(project.root, place)))
    .map((path) => relative(project.root, path));
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .flatMap((entry) => (entry.isDirectory() || entry.name.endsWith(ENDING) ? filesBelow(join(path, entry.name)) : []))
    .toSorted();
}
