import { PAGE_SIZE } from "../../../wire";
import type { PagestreamRequest, PagestreamResponse, RelTag } from "../../../wire";
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

/** Where a page is to be read to. */
export interface PagePlace {
  readonly target: Buffer;
  readonly at: number;
}

/**
 * Reads the page that is asked for to `at`, if that needs no waiting and there is one; otherwise nothing was counted, and
 * `answer` has to see to it.
 */
export function readAtOnce(
  timeline: Timeline,
  images: MaterializedImages,
  request: PagestreamRequest,
  place: PagePlace,
): boolean {
  if (request.kind !== "getpage") return false;
  const lsn = lsnAtOnce(timeline, request);
  if (lsn === undefined) return false;
  const image = images.peek(timeline, { notModifiedSince: request.notModifiedSince, lsn });
  if (image === undefined) return false;
  const begin = performance.now();
  if (!readPage(image.pages, request, place)) return false;
  timeline.metrics.countQuery("get_page_at_lsn", begin);
  return true;
}

/** False where there is no such relation. A page behind a relation's end is all zeros. */
function readPage(
  pages: PageFiles,
  { rel, blkno }: { readonly rel: RelTag; readonly blkno: number },
  { target, at }: PagePlace,
): boolean {
  const result = pages.read(rel, blkno, target, at);
  if (result === "beyond") target.fill(0, at, at + PAGE_SIZE);
  return result !== "missing";
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
      const page = Buffer.allocUnsafe(PAGE_SIZE);
      if (!readPage(pages, request, { target: page, at: 0 })) throw new PagestreamError("Read error");
      return { kind: "getpage", page };
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
