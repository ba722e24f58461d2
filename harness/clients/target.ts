/** The Postgres that programs are run against. */
export interface ClientTarget {
  readonly host: string;
  /** The same server by a name with dots in it, which only a hosts file knows; where we run the server. */
  readonly dottedHost?: string | undefined;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** PEM; undefined where a public authority has signed the server's certificate. */
  readonly ca?: string;
  /** Where our stand-in for Neon's proxy listens on `host`; a real Neon's is found by the driver itself. */
  readonly serverlessPort?: number;
}

/** What a program reads. `ca` is the path under which it finds the authority. */
export function environmentOf(target: ClientTarget, host: string, ca: string | undefined): Record<string, string> {
  const { port, database, user, password, serverlessPort } = target;
  return {
    NEON_HOST: host,
    NEON_PORT: String(port),
    NEON_DATABASE: database,
    NEON_USER: user,
    NEON_PASSWORD: password,
    // Node trusts it besides the public ones in everything that it does, fetch and WebSockets, too.
    ...(ca === undefined ? {} : { NEON_CA: ca, NODE_EXTRA_CA_CERTS: ca }),
    ...(serverlessPort === undefined ? {} : { NEON_PROXY: `${host}:${serverlessPort}` }),
  };
}

/** Of BENCHMARK_CONNSTR, or of NEON_HOST and its like; undefined where neither is set. */
export function targetFromEnvironment(env: NodeJS.ProcessEnv): ClientTarget | undefined {
  const connstr = env["BENCHMARK_CONNSTR"];
  if (connstr) return targetOfUrl(new URL(connstr));
  const { NEON_HOST: host, NEON_DATABASE: database, NEON_USER: user, NEON_PASSWORD: password } = env;
  if (!host || !database || !user || password === undefined) return undefined;
  return { host, database, user, password, port: Number(env["NEON_PORT"] || 5432) };
}

const targetOfUrl = (url: URL): ClientTarget => ({
  host: url.hostname,
  port: Number(url.port || 5432),
  database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username),
  user: decodeURIComponent(url.username),
  password: decodeURIComponent(url.password),
});
