const POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

/** The reflected table, high and low halves apart: a loop over bigints would take a microsecond per byte. */
const [HIGH, LOW] = makeTables();

function makeTables(): [Uint32Array, Uint32Array] {
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let index = 0; index < 256; index += 1) {
    let value = BigInt(index);
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1n) === 1n ? (value >> 1n) ^ POLYNOMIAL : value >> 1n;
    high[index] = Number(value >> 32n);
    low[index] = Number(value & 0xffffffffn);
  }
  return [high, low];
}

/** CRC-64/NVME, what the AWS command line sends by default. */
export class Crc64Nvme {
  #high = 0xffffffff;
  #low = 0xffffffff;

  update(chunk: Buffer): void {
    let [high, low] = [this.#high, this.#low];
    for (let at = 0; at < chunk.length; at += 1) {
      const index = (low ^ (chunk[at] as number)) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (LOW[index] as number);
      high = (high >>> 8) ^ (HIGH[index] as number);
    }
    [this.#high, this.#low] = [high, low];
  }

  digest(): string {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.#high >>> 0, 0);
    bytes.writeUInt32BE(~this.#low >>> 0, 4);
    return bytes.toString("base64");
  }
}
