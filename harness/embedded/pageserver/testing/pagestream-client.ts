import { type TenantId, type TimelineId } from "../../../types";
import {
  type CopyBothStream,
  decodePagestreamResponse,
  encodePagestreamRequest,
  type PagestreamBody,
  type PagestreamResponse,
  type PgConnection,
} from "../../../wire";

const LATEST = 0xffff_ffff_ffff_ffffn;

/** A pagestream of version 3. What is asked without waiting for the answer before goes out at once. */
export class PagestreamClient {
  readonly stream: CopyBothStream;
  readonly #responses: AsyncIterator<Buffer>;
  #reqid = 0n;

  private constructor(stream: CopyBothStream) {
    this.stream = stream;
    this.#responses = stream[Symbol.asyncIterator]();
  }

  static async open(connection: PgConnection, tenantId: TenantId, timelineId: TimelineId): Promise<PagestreamClient> {
    return new PagestreamClient(await connection.copyBoth(`pagestream_v3 ${tenantId} ${timelineId}`));
  }

  async ask(
    body: PagestreamBody,
    lsns: { requestLsn?: bigint; notModifiedSince?: bigint } = {},
  ): Promise<PagestreamResponse> {
    const reqid = (this.#reqid += 1n);
    const { requestLsn = LATEST, notModifiedSince = 1n } = lsns;
    this.stream.write(encodePagestreamRequest(3, { ...body, reqid, requestLsn, notModifiedSince }));
    const next = await this.#responses.next();
    if (next.done === true) throw new Error("the pagestream ended");
    const response = decodePagestreamResponse(3, next.value);
    if (response.reqid !== reqid) throw new Error(`answer ${response.reqid} to request ${reqid}`);
    return response;
  }
}

/** Sends the same request, never reads an answer, and returns once the socket has taken nothing for `stuckMs`. */
export async function floodUntilStuck(
  connection: PgConnection,
  command: string,
  body: PagestreamBody,
  stuckMs: number,
): Promise<void> {
  const stream = await connection.copyBoth(command);
  connection.socket.pause();
  const request = encodePagestreamRequest(3, { ...body, reqid: 1n, requestLsn: LATEST, notModifiedSince: 1n });
  let giveUp: NodeJS.Timeout | undefined;
  const stuck = new Promise<"stuck">((resolve) => {
    const restart = (): void => {
      clearTimeout(giveUp);
      giveUp = setTimeout(() => resolve("stuck"), stuckMs);
    };
    const fill = (): void => {
      restart();
      while (stream.write(request)) continue;
    };
    connection.socket.on("drain", fill);
    fill();
  });
  await stuck;
}
