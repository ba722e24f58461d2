import { detail } from "./detail";
import { overview } from "./overview";

/** `#/` is the list, `#/test/3` a test, `#/test/3/1` its second round. */
function show(): void {
  const run = globalThis.neonTestRun;
  const [, kind, index, round = "first"] = location.hash.split("/");
  const test = kind === "test" ? run.tests[Number(index)] : undefined;
  const page = document.querySelector("#page");
  // Of several rounds, one that failed says most.
  const failed = Math.max(0, test?.attempts.findIndex(({ status }) => status === "failed") ?? 0);
  page?.replaceChildren(
    ...(test === undefined ? overview(run) : detail(run, test, round === "first" ? failed : Number(round))),
  );
  window.scrollTo(0, 0);
}

window.addEventListener("hashchange", show);
show();
