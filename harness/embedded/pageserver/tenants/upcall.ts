import { request } from "node:http";

/** One request to the storage controller's upcall API; rejects unless it is answered with 200. */
export function upcall<T>(url: string, body: object, token: string | undefined, signal: AbortSignal): Promise<T> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST", headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}: ${text}`));
        try {
          resolve(JSON.parse(text) as T);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    call.on("error", reject);
    call.end(JSON.stringify(body));
  });
}
