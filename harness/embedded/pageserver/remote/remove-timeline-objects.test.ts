import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { setFailpoint } from "../../service/failpoints";
import { LocalFs } from "../../service/remote/local-fs";
import { indexObject, layerObject } from "./paths";
import { removeTimelineObjects } from "./remove-timeline-objects";

const BEFORE_THE_INDEX = "timeline-delete-before-index-delete";
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "remove-timeline-"));
});
afterEach(() => {
  setFailpoint(BEFORE_THE_INDEX, "off");
  rmSync(root, { recursive: true, force: true });
});

test("a removal that breaks off has left the newest index, by which the next one knows what to do", async () => {
  const remote = new LocalFs(root, { sync: false });
  const names = [indexObject(1), indexObject(10), indexObject(2), layerObject("a-layer", 1), "initdb.tar.zst"];
  for (const name of names) await remote.uploadBytes(`t/${name}`, Buffer.from(name));
  setFailpoint(BEFORE_THE_INDEX, "return");
  await expect(removeTimelineObjects(remote, "t")).rejects.toThrow(`failpoint: ${BEFORE_THE_INDEX}`);
  expect((await remote.list("t")).objects).toEqual([indexObject(10)]);
  setFailpoint(BEFORE_THE_INDEX, "off");
  await removeTimelineObjects(remote, "t");
  expect(await remote.list("")).toEqual({ objects: [], prefixes: [] });
});
