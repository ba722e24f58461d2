import type { RelTag } from "../../../wire";

const INIT_FORK = 3;

/** MurmurHash3's finalizer on 32 bits. */
function murmur32(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function combine(a: number, b: number): number {
  const mixed = (b + 0x9e3779b9 + ((a << 6) >>> 0) + (a >>> 2)) >>> 0;
  return (a ^ mixed) >>> 0;
}

/** The number of the shard that holds a page: stripes of pages are spread by a hash; init forks are on shard 0. */
export function shardOfPage(rel: RelTag, blkno: number, layout: { count: number; stripeSize: number }): number {
  if (layout.count < 2 || rel.forkNum === INIT_FORK) return 0;
  const hash = combine(murmur32(rel.relNode), murmur32(Math.floor(blkno / layout.stripeSize)));
  return hash % layout.count;
}
