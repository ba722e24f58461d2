type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

/** What values have been seen at one place of a JSON document. */
export interface Shape {
  readonly types: Set<JsonType>;
  /** Of objects: what stands under each key, and how many objects had it. */
  readonly fields: Map<string, { shape: Shape; count: number }>;
  objects: number;
  /** Of all elements of arrays, and of all values of objects whose keys are ids. */
  items: Shape | undefined;
}

/** One way in which a document is not of a shape. */
export interface ShapeDifference {
  path: string;
  recorded: string;
  came: string;
}

export function shapeOf(value: unknown): Shape {
  const shape = emptyShape();
  learn(shape, value);
  return shape;
}

const emptyShape = (): Shape => ({ types: new Set(), fields: new Map(), objects: 0, items: undefined });

function learn(shape: Shape, value: unknown): void {
  shape.types.add(typeOf(value));
  for (const item of itemsOf(value)) {
    shape.items ??= emptyShape();
    learn(shape.items, item);
  }
  if (!isRecord(value) || isMap(value)) return;
  shape.objects += 1;
  for (const [key, field] of Object.entries(value)) {
    const known = shape.fields.get(key) ?? { shape: emptyShape(), count: 0 };
    learn(known.shape, field);
    shape.fields.set(key, { shape: known.shape, count: known.count + 1 });
  }
}

/** Key order doesn't matter; an absent key is another thing than null; of arrays the elements count, not their number. */
export function differencesOfShape(shape: Shape, value: unknown, path = ""): ShapeDifference[] {
  const type = typeOf(value);
  if (!shape.types.has(type)) {
    return [{ path: path === "" ? "the body" : path, recorded: [...shape.types].join(" or "), came: type }];
  }
  const found = itemsOf(value).flatMap((item) =>
    shape.items === undefined ? [] : differencesOfShape(shape.items, item, `${path}[]`),
  );
  if (isRecord(value) && !isMap(value) && shape.objects > 0) found.push(...differencesOfFields(shape, value, path));
  return withoutRepeats(found);
}

function differencesOfFields(shape: Shape, value: Record<string, unknown>, path: string): ShapeDifference[] {
  const found: ShapeDifference[] = [];
  for (const [key, field] of shape.fields) {
    const at = `${path}.${key}`;
    if (key in value) found.push(...differencesOfShape(field.shape, value[key], at));
    else if (field.count === shape.objects) {
      found.push({ path: at, recorded: [...field.shape.types].join(" or "), came: "absent" });
    }
  }
  for (const [key, field] of Object.entries(value)) {
    if (!shape.fields.has(key)) found.push({ path: `${path}.${key}`, recorded: "absent", came: typeOf(field) });
  }
  return found;
}

function withoutRepeats(found: ShapeDifference[]): ShapeDifference[] {
  return [...new Map(found.map((difference) => [JSON.stringify(difference), difference])).values()];
}

function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as JsonType;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Objects by node id, tenant id or the like have no keys to compare. */
function isMap(value: Record<string, unknown>): boolean {
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /^(\d+|[0-9a-f]{32}(-[0-9a-f]{4})?)$/.test(key));
}

function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) && isMap(value) ? Object.values(value) : [];
}
