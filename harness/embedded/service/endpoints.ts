/** An address to listen on or to connect to. */
export interface HostPort {
  host: string;
  port: number;
}

/** Reads `127.0.0.1:123`; `localhost` becomes 127.0.0.1, because Node may resolve it to ::1 where nobody listens. */
export function parseHostPort(text: string): HostPort {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`not an address host:port: ${text}`);
  return { host: match[1] === "localhost" ? "127.0.0.1" : match[1], port: Number(match[2]) };
}

/** Host and port of a URL such as `http://localhost:50051/`. */
export function parseEndpointUrl(text: string): HostPort {
  const url = new URL(text);
  return parseHostPort(`${url.hostname}:${url.port === "" ? "80" : url.port}`);
}
