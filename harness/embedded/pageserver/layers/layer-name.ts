import type { Lsn } from "../../../types";

const KEY_MIN = "0".repeat(36);
const KEY_MAX = "F".repeat(36);
/** One past the last key that an image holds. */
const IMAGE_KEY_END = "030000000000000000000000000000000002";
const NAME = /^([0-9A-F]{36})-([0-9A-F]{36})__([0-9A-F]{16})(?:-([0-9A-F]{16}))?$/;
const LOCAL_NAME = /^(.+)-v1-([0-9a-f]{8})$/;

/** What a layer file covers. A delta's LSN range is half open: `lsnEnd` is the last record's end plus one. */
export type LayerName =
  | { readonly kind: "delta"; readonly keyRange: string; readonly lsnStart: Lsn; readonly lsnEnd: Lsn }
  | { readonly kind: "image"; readonly keyRange: string; readonly lsn: Lsn };

const hex16 = (lsn: Lsn): string => lsn.toString(16).toUpperCase().padStart(16, "0");

/** The level-0 delta layer that holds the WAL bytes [from, to). */
export function deltaName(from: Lsn, to: Lsn): LayerName {
  return { kind: "delta", keyRange: `${KEY_MIN}-${KEY_MAX}`, lsnStart: from + 1n, lsnEnd: to + 1n };
}

/** The level-1 delta layer that merges level-0 ones over the WAL bytes [from, to). */
export function mergedDeltaName(from: Lsn, to: Lsn): LayerName {
  return { kind: "delta", keyRange: `${KEY_MIN}-${IMAGE_KEY_END}`, lsnStart: from + 1n, lsnEnd: to + 1n };
}

/** The image layer of the whole database at `lsn`. */
export function imageName(lsn: Lsn): LayerName {
  return { kind: "image", keyRange: `${KEY_MIN}-${IMAGE_KEY_END}`, lsn };
}

/** A layer's name as Neon writes it in index_part.json and in HTTP answers. */
export function formatLayerName(name: LayerName): string {
  const lsns = name.kind === "image" ? hex16(name.lsn) : `${hex16(name.lsnStart)}-${hex16(name.lsnEnd)}`;
  return `${name.keyRange}__${lsns}`;
}

/** Undefined when the text is not a layer's name. */
export function parseLayerName(text: string): LayerName | undefined {
  const [, from, to, first, last] = NAME.exec(text) ?? [];
  if (from === undefined || to === undefined || first === undefined) return undefined;
  const keyRange = `${from}-${to}`;
  if (last === undefined) return { kind: "image", keyRange, lsn: BigInt(`0x${first}`) };
  return { kind: "delta", keyRange, lsnStart: BigInt(`0x${first}`), lsnEnd: BigInt(`0x${last}`) };
}

/** Whether this is a level-0 delta, one that covers every key. */
export const isL0 = (name: LayerName): boolean => name.kind === "delta" && name.keyRange === `${KEY_MIN}-${KEY_MAX}`;

/** A generation as it stands in file names: eight hexadecimal digits. */
export const generationSuffix = (generation: number): string => generation.toString(16).padStart(8, "0");

/** The name of a layer's file in the timeline's local directory. */
export const localLayerFile = (name: string, generation: number): string =>
  `${name}-v1-${generationSuffix(generation)}`;

/** Takes a local file name apart; undefined when it is not a layer's. */
export function parseLocalLayerFile(file: string): { name: string; generation: number } | undefined {
  const [, name, generation] = LOCAL_NAME.exec(file) ?? [];
  if (name === undefined || generation === undefined || parseLayerName(name) === undefined) return undefined;
  return { name, generation: Number.parseInt(generation, 16) };
}
