import type { S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCESS_CHECKS } from "../testing/conformance/access";
import { BODY_CHECKS } from "../testing/conformance/bodies";
import { clientOf, Ground } from "../testing/conformance/ground";
import type { Target } from "../testing/conformance/ground";
import { LISTING_CHECKS } from "../testing/conformance/listing";
import { MULTIPART_CHECKS } from "../testing/conformance/multipart";
import { OBJECT_CHECKS } from "../testing/conformance/objects";
import { READING_CHECKS } from "../testing/conformance/reading";
import { TARGETS } from "../testing/conformance/targets";
import { VERSION_CHECKS } from "../testing/conformance/versions";

const CHECKS = [
  ...OBJECT_CHECKS,
  ...READING_CHECKS,
  ...LISTING_CHECKS,
  ...VERSION_CHECKS,
  ...MULTIPART_CHECKS,
  ...BODY_CHECKS,
  ...ACCESS_CHECKS,
];

test("the suite has 60 checks or more, each with a name of its own", () => {
  expect(CHECKS.length).toBeGreaterThanOrEqual(60);
  expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
});

describe.each(TARGETS)("$name", ({ start, deviations, unavailable }) => {
  if (unavailable !== undefined) {
    test.skip(`not run: ${unavailable}`);
    return;
  }
  let running: (Target & AsyncDisposable) | undefined;
  let s3: S3Client | undefined;
  let buckets = 0;
  beforeAll(async () => {
    running = await start();
    s3 = clientOf(running);
  });
  afterAll(async () => {
    s3?.destroy();
    await running?.[Symbol.asyncDispose]();
  });

  for (const { name, run } of CHECKS) {
    // What another server is known to do otherwise has to go on failing, or leave the list.
    test(name, { fails: deviations.includes(name) }, async () => {
      if (running === undefined || s3 === undefined) throw new Error("the server has not started");
      const ground = await Ground.make(running, `conformance-${process.pid}-${(buckets += 1)}`, s3);
      try {
        await run(ground);
      } finally {
        ground.destroy();
      }
    });
  }
});
