import type { PagestreamRequest, PagestreamResponse } from "../../../wire";
import type { RelationFiles } from "../../pg/relation-files";
import { errorText } from "../../service";
import { firstReadableLsn } from "../timeline/history";
import { floorToRecord } from "../timeline/record-boundary";
import type { Timeline } from "../timeline/timeline";
import type { SmgrQueryType } from "../timeline/timeline-metrics";
import type { MaterializedImages } from "./materialized-images";
import type { PageFiles } from "./page-files";
import { effectiveLsn, lsnAtOnce, PagestreamError } from "./request-lsn";

type DataRequest = Exclude<PagestreamRequest, { kind: "test" }>;

const QUERY_TYPES: Record<PagestreamRequest["kind"], SmgrQueryType> = {
  exists: "get_rel_exists",
  nblocks: "get_rel_size",
  getpage: "get_page_at_lsn",
  dbsize: "get_db_size",
  slru: "get_slru_segment",
  test: "test",
};

const PAGE_SIZE = 8192;
const ZERO_PAGE = Buffer.alloc(PAGE_SIZE);

/** Answers a request for a page at once, if that needs no waiting; undefined otherwise. Counts it as `answer` does. */
export function answerAtOnce(
  timeline: Timeline,
  images: MaterializedImages,
  request: PagestreamRequest,
): PagestreamResponse | undefined {
  if (request.kind !== "getpage") return undefined;
  const lsn = lsnAtOnce(timeline, request);
  if (lsn === undefined) return undefined;
  const image = images.peek(timeline, { notModifiedSince: request.notModifiedSince, lsn });
  if (image === undefined) return undefined;
  const finish = timeline.metrics.startQuery("get_page_at_lsn");
  try {
    const page = image.pages.page(request.rel, request.blkno);
    if (page === "missing") return { kind: "error", message: "Read error" };
    return { kind: "getpage", page: page ?? ZERO_PAGE };
  } finally {
    finish();
  }
}

/** Answers one request; what goes wrong becomes an Error response, as in Neon. Rejects only when the timeline leaves. */
export async function answer(
  timeline: Timeline,
  images: MaterializedImages,
  request: PagestreamRequest,
): Promise<PagestreamResponse> {
  const finish = timeline.metrics.startQuery(QUERY_TYPES[request.kind]);
  try {
    if (request.kind === "test") return { kind: "test", batchKey: request.batchKey, message: request.message };
    return await read(timeline, images, request);
  } catch (error) {
    if (timeline.cancelled.aborted) throw error;
    if (error instanceof PagestreamError) return { kind: "error", message: error.message };
    timeline.log.info(`error reading relation or page version: ${errorText(error)}`);
    return { kind: "error", message: "Read error" };
  } finally {
    finish();
  }
}

async function read(timeline: Timeline, images: MaterializedImages, request: DataRequest): Promise<PagestreamResponse> {
  const wanted = await effectiveLsn(timeline, request);
  const first = firstReadableLsn(timeline);
  // Between the checkpoint of initdb and the end of its record nothing changes.
  const lsn = wanted < first ? first : wanted;
  return images.use(
    timeline,
    { notModifiedSince: request.notModifiedSince, lsn },
    async () => (await floorToRecord(timeline, lsn)).lsn,
    ({ files, pages }) => readFrom(files, pages, request),
  );
}

async function readFrom(files: RelationFiles, pages: PageFiles, request: DataRequest): Promise<PagestreamResponse> {
  switch (request.kind) {
    case "exists":
      return { kind: "exists", exists: await files.exists(request.rel) };
    case "nblocks":
      return { kind: "nblocks", nblocks: found(await files.nblocks(request.rel)) };
    case "getpage": {
      const page = pages.page(request.rel, request.blkno);
      if (page === "missing") throw new PagestreamError("Read error");
      return { kind: "getpage", page: page ?? ZERO_PAGE };
    }
    case "dbsize":
      return { kind: "dbsize", size: found(await files.dbSize(request.dbNode)) };
    case "slru": {
      const data = found(await files.slruSegment(request.slruKind, request.segno));
      return { kind: "slru", blocks: data.length / PAGE_SIZE, data };
    }
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new PagestreamError("Read error");
  return value;
}
