import type { RecordedCall } from "./recording";
import { differencesOfShape, shapeOf } from "./shape";
import type { ShapeDifference } from "./shape";
import { withoutVolatile } from "./volatile";
import type { Difference } from "./difference";

/** What came of a replayed call; status 0 where the connection was closed without an answer. */
export interface Answer {
  status: number;
  contentType: string | undefined;
  body: string;
}

type Pair = Omit<Difference, "call">;

/** Status, content type, shape and error text; one that follows from another status is not reported. */
export function compareAnswers(call: RecordedCall, came: Answer): Difference[] {
  const recorded: Answer = { status: call.status, contentType: call.contentType, body: call.answer };
  return differences(recorded, came).map((pair) => ({ call: call.name, ...pair }));
}

function differences(recorded: Answer, came: Answer): Pair[] {
  if (recorded.status !== came.status) return [{ recorded: summary(recorded), came: summary(came) }];
  const sameType = recorded.contentType === came.contentType;
  const found = bodyDifferences(recorded, came);
  if (sameType) return found;
  // Another kind of error says it all in one line.
  if (recorded.status >= 400 && found.length > 0) return [{ recorded: withType(recorded), came: withType(came) }];
  const types = { recorded: contentTypeOf(recorded), came: contentTypeOf(came) };
  return [types, ...found];
}

function bodyDifferences(recorded: Answer, came: Answer): Pair[] {
  const isMetrics = recorded.contentType?.includes("version=0.0.4") === true;
  if (isMetrics) return metricsDifferences(recorded.body, came.body);
  const [expected, found] = [parse(recorded.body), parse(came.body)];
  if (expected === undefined || found === undefined) return textDifferences(recorded, came);
  const byShape = groupAbsent(differencesOfShape(shapeOf(expected.value), found.value));
  if (byShape.length > 0 || recorded.status < 400) return byShape;
  return textDifferences(recorded, came);
}

function textDifferences(recorded: Answer, came: Answer): Pair[] {
  if (recorded.status >= 400) {
    const [expected, found] = [errorText(recorded.body), errorText(came.body)];
    return expected === found ? [] : [{ recorded: summary(recorded), came: summary(came) }];
  }
  const [before, after] = [kind(recorded.body), kind(came.body)];
  return before === after ? [] : [{ recorded: before, came: after }];
}

const kind = (body: string): string =>
  body === "" ? "no body" : parse(body) === undefined ? "a body of text" : "a body of JSON";

const contentTypeOf = (answer: Answer): string => `content type ${answer.contentType ?? "absent"}`;

const withType = (answer: Answer): string => `${summary(answer)} (${contentTypeOf(answer)})`;

/** Samples come and go with what a node has done; the families are what it can say. */
function metricsDifferences(recorded: string, came: string): Pair[] {
  const [before, after] = [families(recorded), families(came)];
  const absent = [...before].filter((name) => !after.has(name));
  if (absent.length === 0) return [];
  return [{ recorded: `metrics ${absent.sort().join(", ")}`, came: "absent" }];
}

const families = (text: string): Set<string> =>
  new Set([...text.matchAll(/^# HELP (\S+)/gm)].map(([, name = ""]) => name));

/** Keys that are absent from one object are one difference. */
function groupAbsent(found: ShapeDifference[]): Pair[] {
  const groups = new Map<string, { recorded: string[]; came: string[] }>();
  for (const { path, recorded, came } of found) {
    const missing = came === "absent";
    const parent = missing || recorded === "absent" ? path.slice(0, path.lastIndexOf(".")) : path;
    const key = missing ? `-${parent}` : recorded === "absent" ? `+${parent}` : path;
    const group = groups.get(key) ?? { recorded: [], came: [] };
    group.recorded.push(recorded === "absent" ? "absent" : `${path} ${recorded}`);
    group.came.push(missing ? "absent" : recorded === "absent" ? `${path} ${came}` : came);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ recorded: listed(group.recorded), came: listed(group.came) }));
}

const listed = (parts: string[]): string => [...new Set(parts)].join(", ");

function summary(answer: Answer): string {
  if (answer.status === 0) return "connection closed without an answer";
  return answer.status < 400 ? `${answer.status}` : `${answer.status} ${quoted(errorText(answer.body))}`;
}

const quoted = (text: string): string => JSON.stringify(text);

function errorText(body: string): string {
  const value = parse(body)?.value;
  const fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const text = fields["msg"] ?? fields["error"];
  return withoutVolatile(typeof text === "string" ? text : body);
}

function parse(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    // Not every answer is JSON.
    return undefined;
  }
}
