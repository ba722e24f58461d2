import { type IncomingMessage, request } from "node:http";
import { errorText } from "../../service";

/** GET from another safekeeper's HTTP API; rejects with its message unless it answers 200. */
export async function getFromPeer(baseUrl: string, path: string, token: string | undefined): Promise<IncomingMessage> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(`${baseUrl.replace(/\/$/, "")}${path}`, { agent: false, headers }, resolve);
    call.on("error", (error) => reject(new Error(`receive body: ${errorText(error)}`)));
    call.end();
  });
  if (response.statusCode === 200) return response;
  const text = await bodyOf(response);
  throw new Error(`safekeeper API: ${messageIn(text)}`);
}

export async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function messageIn(text: string): string {
  try {
    return String((JSON.parse(text) as { msg?: unknown }).msg ?? text);
  } catch {
    // Not JSON: the text itself is what there is to say.
    return text;
  }
}
