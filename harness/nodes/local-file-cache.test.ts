import { afterEach, expect, test, vi } from "vitest";
import { checkLocalFileCacheLines, localFileCacheLines } from "./local-file-cache";

afterEach(() => void vi.unstubAllEnvs());

test("a path with a quote is still one setting", () => {
  expect(localFileCacheLines("/it's/here")[0]).toBe("neon.file_cache_path='/it''s/here'");
});

test.for<[string | undefined, string, RegExp | undefined]>([
  [undefined, "neon.max_file_cache_size = 64MB", undefined],
  [undefined, "neon.file_cache_size_limit='1MB'", undefined],
  [undefined, "shared_buffers = 8kB", undefined],
  [undefined, "neon.file_cache_size_limit = 1023kB", /expected: 1MB or more/],
  [undefined, "neon.max_file_cache_size=lots", /BAD_VALUE: this is not a size/],
  ["false", "neon.max_file_cache_size = 64MB", /USE_LFC=false/],
  ["false", "shared_buffers = 8kB", undefined],
])("with USE_LFC=%s the line %s", ([useLfc, line, refusal]) => {
  vi.stubEnv("USE_LFC", useLfc);
  const check = (): void => checkLocalFileCacheLines([line]);
  if (refusal === undefined) check();
  else expect(check).toThrow(refusal);
});
