import type { BinaryFacts } from "./binary-facts";
import type { Feature } from "./features";

const SHOWN_REVISION = 10;

/** One phrase for the run's first line, e.g. `Neon c47c5f4ace, debug build, testing, failpoints`; mixtures are named. */
export function describeBuild(binaries: readonly BinaryFacts[], features: ReadonlySet<Feature>): string {
  const abilities = (["testing", "failpoints"] as const).filter((feature) => features.has(feature));
  return [
    describeRevisions(binaries),
    ...describeProfiles(binaries),
    ...(features.has("testing") ? [] : ["without the testing feature"]),
    ...abilities,
  ].join(", ");
}

/** A program that doesn't tell (compute_ctl, at some revisions) is taken to be like the others. */
function describeRevisions(binaries: readonly BinaryFacts[]): string {
  const groups = groupBy(binaries, ({ revision }) => shorten(revision));
  const [only] = groups.keys();
  if (groups.size > 1) return `Neon of MIXED REVISIONS (${list(groups)})`;
  return only === undefined ? "Neon" : `Neon ${only}`;
}

function describeProfiles(binaries: readonly BinaryFacts[]): string[] {
  const groups = groupBy(binaries, ({ profile }) => profile);
  const [only] = groups.keys();
  if (groups.size > 1) return [`MIXED BUILDS (${list(groups)})`];
  return only === undefined ? [] : [`${only} build`];
}

function shorten(revision: string | undefined): string | undefined {
  if (revision === undefined) return undefined;
  const [hash = "", modified] = revision.split("-");
  return modified === undefined ? hash.slice(0, SHOWN_REVISION) : `${hash.slice(0, SHOWN_REVISION)}-${modified}`;
}

function groupBy(
  binaries: readonly BinaryFacts[],
  keyOf: (binary: BinaryFacts) => string | undefined,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const binary of binaries) {
    const key = keyOf(binary);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), binary.name]);
  }
  return groups;
}

const list = (groups: ReadonlyMap<string, string[]>): string =>
  [...groups].map(([key, names]) => `${key}: ${names.join(" ")}`).join("; ");
