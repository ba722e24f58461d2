import { describe, expect, test } from "vitest";
import { Layer } from "../layers/layer";
import { deltaName, imageName, type LayerName } from "../layers/layer-name";
import { judgeLayers } from "./gc-rules";

const NO_SOURCE = { download: () => Promise.reject(new Error("no remote")), damaged: () => undefined };

const layer = (name: LayerName): Layer =>
  new Layer("/nowhere", { name, fileSize: 1, generation: 1 }, { resident: true, checked: true }, NO_SOURCE);

// Images at 100, 200, 300; deltas in between and behind.
const NAMES = {
  i100: imageName(100n),
  d100: deltaName(100n, 150n),
  d150: deltaName(150n, 220n),
  i200: imageName(200n),
  d220: deltaName(220n, 300n),
  i300: imageName(300n),
  d300: deltaName(300n, 400n),
};
const LAYERS = Object.entries(NAMES).map(([key, name]) => ({ key, layer: layer(name) }));

function removed(pins: { horizon: bigint; pitr?: bigint; branches?: bigint[]; leases?: bigint[] }) {
  const all = { pitr: pins.horizon, branches: [], leases: [], ...pins };
  const { removable, counts } = judgeLayers(
    LAYERS.map((entry) => entry.layer),
    all,
  );
  return { keys: LAYERS.filter((entry) => removable.includes(entry.layer)).map(({ key }) => key), counts };
}

describe("garbage collection removes", () => {
  test.each([
    ["what a newer image below the cutoff replaces", { horizon: 350n }, ["i100", "d100", "d150", "i200", "d220"]],
    ["nothing that the cutoff itself is read from", { horizon: 299n }, ["i100", "d100"]],
    ["an older image only when the newer one is not above the cutoff", { horizon: 199n }, []],
    ["nothing within pitr_interval", { horizon: 350n, pitr: 210n }, ["i100", "d100"]],
    ["not what is between a branch point and its image", { horizon: 400n, branches: [140n] }, ["d150", "i200", "d220"]],
    ["not what a lease is read from", { horizon: 400n, leases: [220n] }, ["i100", "d100", "d220"]],
    ["a delta that begins where a branch does", { horizon: 400n, branches: [220n] }, ["i100", "d100", "d220"]],
    [
      "nothing of an old branch without an image below",
      { horizon: 400n, branches: [90n] },
      ["i100", "d100", "d150", "i200", "d220"],
    ],
  ])("%s", (_what, pins, keys) => {
    expect(removed(pins).keys).toEqual(keys);
  });

  test("and counts why the others stay", () => {
    expect(removed({ horizon: 305n, pitr: 301n, branches: [100n], leases: [210n] }).counts).toEqual({
      layers_total: 7,
      layers_needed_by_cutoff: 1,
      layers_needed_by_pitr: 0,
      layers_needed_by_branches: 1,
      layers_needed_by_leases: 2,
      layers_not_updated: 1,
      layers_removed: 2,
    });
  });
});
