/** Where a pageserver listens now. */
export interface NodeAddress {
  id: number;
  pgPort: number;
  httpPort: number;
}

/** The controller refuses a pageserver that it knows under another address, so its own memory is told of the move. */
export function movedInDatabase(pageservers: readonly NodeAddress[]): string {
  const statements = pageservers.map(({ id, pgPort, httpPort }) =>
    [
      `update nodes set listen_http_addr = '127.0.0.1', listen_http_port = ${httpPort},`,
      `listen_pg_addr = '127.0.0.1', listen_pg_port = ${pgPort} where node_id = ${id}`,
    ].join(" "),
  );
  return statements.join("; ");
}

/** The same for a controller whose state is a file. */
export function movedInFile(text: string, pageservers: readonly NodeAddress[]): string {
  const state = JSON.parse(text) as { nodes: Record<string, unknown>[] };
  const nodes = state.nodes.map((node) => {
    const now = pageservers.find(({ id }) => id === node["id"]);
    if (now === undefined) return node;
    return { ...node, listen_http_port: now.httpPort, listen_pg_port: now.pgPort };
  });
  return JSON.stringify({ ...state, nodes }, null, 1);
}
