import { expect, test } from "vitest";
import { settingsFromEnvironment } from "./settings-from-environment";

test("a run's pageserver settings come from its environment", () => {
  expect(settingsFromEnvironment({ PAGESERVER_VIRTUAL_FILE_IO_ENGINE: "" })).toEqual({
    pageserverVirtualFileIoEngine: undefined,
    pageserverVirtualFileIoMode: undefined,
    pageserverDefaultTenantConfigCompactionAlgorithm: undefined,
  });
  expect(
    settingsFromEnvironment({
      PAGESERVER_VIRTUAL_FILE_IO_ENGINE: "std-fs",
      PAGESERVER_VIRTUAL_FILE_IO_MODE: "direct",
      PAGESERVER_DEFAULT_TENANT_CONFIG_COMPACTION_ALGORITHM: 'kind = "tiered"',
    }),
  ).toEqual({
    pageserverVirtualFileIoEngine: "std-fs",
    pageserverVirtualFileIoMode: "direct",
    pageserverDefaultTenantConfigCompactionAlgorithm: { kind: "tiered" },
  });
});

test.for([
  ["PAGESERVER_VIRTUAL_FILE_IO_ENGINE", "io_uring", /one of std-fs, tokio-epoll-uring\n {2}found: io_uring/],
  ["PAGESERVER_VIRTUAL_FILE_IO_MODE", "odirect", /one of buffered, direct\n {2}found: odirect/],
  ["PAGESERVER_DEFAULT_TENANT_CONFIG_COMPACTION_ALGORITHM", "tiered", /TOML such as/],
  ["PAGESERVER_DEFAULT_TENANT_CONFIG_COMPACTION_ALGORITHM", "sort = 1", /TOML with a kind/],
] as const)("%s=%s is one error of the user's", ([name, value, message]) => {
  expect(() => settingsFromEnvironment({ [name]: value })).toThrow(
    expect.objectContaining({ code: "BAD_ENV", message: expect.stringMatching(message) as unknown }),
  );
});
