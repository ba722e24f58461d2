import type { Lsn, TenantId, TimelineId } from "../../types";
import { encodePagestreamRequest } from "../../wire";
import type { RelTag } from "../../wire";

/** Pages of one relation at one LSN, and who has them. */
export interface PageTarget {
  readonly host: string;
  readonly port: number;
  readonly tenantId: TenantId;
  readonly timelineId: TimelineId;
  readonly rel: RelTag;
  readonly pages: number;
  readonly lsn: Lsn;
}

const FRAME_HEAD = 5;
const REQID_AT = FRAME_HEAD + 1;
const VERSION = 3;

export const COMMAND = ({ tenantId, timelineId }: PageTarget): string =>
  `pagestream_v${VERSION} ${tenantId} ${timelineId}`;

/** Requests by the thousand: encoded once, after that only their numbers are written. */
export class PageRequests {
  readonly #template: Buffer;
  #nextReqid = 1;

  constructor({ rel, lsn }: PageTarget) {
    const request = { kind: "getpage", rel, blkno: 0, reqid: 0n, requestLsn: lsn, notModifiedSince: lsn } as const;
    const payload = encodePagestreamRequest(VERSION, request);
    this.#template = Buffer.alloc(FRAME_HEAD + payload.length);
    this.#template[0] = "d".charCodeAt(0);
    this.#template.writeUInt32BE(payload.length + 4, 1);
    payload.copy(this.#template, FRAME_HEAD);
  }

  /** One message after the other, for one write. */
  encode(blocks: readonly number[]): Buffer {
    const size = this.#template.length;
    const bytes = Buffer.allocUnsafe(size * blocks.length);
    for (const [index, block] of blocks.entries()) {
      const start = index * size;
      this.#template.copy(bytes, start);
      bytes.writeUInt32BE(this.#nextReqid, start + REQID_AT + 4);
      bytes.writeUInt32BE(block, start + size - 4);
      this.#nextReqid = (this.#nextReqid + 1) >>> 0;
    }
    return bytes;
  }
}
