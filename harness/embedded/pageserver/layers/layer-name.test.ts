import { describe, expect, test } from "vitest";
import {
  deltaName,
  formatLayerName,
  imageName,
  isL0,
  localLayerFile,
  parseLayerName,
  parseLocalLayerFile,
} from "./layer-name";

// Names recorded from Neon itself (golden/run/41_remote_json).
const DELTA =
  "000000000000000000000000000000000000-FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF__00000000014EC3A9-00000000014EC431";
const IMAGE = "000000000000000000000000000000000000-030000000000000000000000000000000002__00000000014EC3E0";

describe("layer names", () => {
  test("a delta of WAL bytes and an image are named as Neon names them", () => {
    expect(formatLayerName(deltaName(0x14ec3a8n, 0x14ec430n))).toBe(DELTA);
    expect(formatLayerName(imageName(0x14ec3e0n))).toBe(IMAGE);
  });

  test.each([DELTA, IMAGE])("%s is read back", (text) => {
    const name = parseLayerName(text);
    expect(name && formatLayerName(name)).toBe(text);
  });

  test.each(["", "index_part.json-00000001", `${DELTA}-v1-00000001`, DELTA.toLowerCase()])("%j is no layer", (text) => {
    expect(parseLayerName(text)).toBeUndefined();
  });

  test("only a delta over all keys is at level 0", () => {
    expect(isL0(deltaName(0n, 8n))).toBe(true);
    expect(isL0(imageName(8n))).toBe(false);
  });

  test("local files carry the generation in hexadecimal", () => {
    expect(localLayerFile(IMAGE, 26)).toBe(`${IMAGE}-v1-0000001a`);
    expect(parseLocalLayerFile(`${IMAGE}-v1-0000001a`)).toEqual({ name: IMAGE, generation: 26 });
    expect(parseLocalLayerFile("ephemeral-3")).toBeUndefined();
  });
});
