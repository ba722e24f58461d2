// The text forms of ps and lsof, apart from the calls, so that they are tested on every platform.

const PS_ROW = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/;

/** Rows of `ps -o pid=,ppid=,pgid=,stat=,tty=,lstart=,comm=`. macOS gives no session ids, so the group stands for it. */
export function parsePs(text) {
  return text.split("\n").flatMap((line) => {
    const match = PS_ROW.exec(line);
    if (match === null) return [];
    const [, pid, ppid, group, state, terminal, startTime, name] = match;
    return [
      {
        pid: Number(pid),
        name: name.split("/").at(-1),
        ppid: Number(ppid),
        session: Number(group),
        hasTerminal: terminal !== "?" && terminal !== "??",
        startTime,
        alive: !state.startsWith("Z"),
      },
    ];
  });
}

/** `lsof -d cwd -Fpn`: a line `p<pid>`, then `fcwd` and `n<path>`. */
export function parseCwds(text) {
  const found = new Map();
  let pid = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("p")) pid = Number(line.slice(1));
    if (line.startsWith("n")) found.set(pid, line.slice(1));
  }
  return found;
}

/** Rows of `ps -E -o pid=,command=`: the command, then its environment, all parted by spaces. */
export function parseEnvironments(text) {
  const rows = text.split("\n").map((line) => /^\s*(\d+)\s+(.*)$/.exec(line));
  return new Map(rows.filter((row) => row !== null).map((row) => [Number(row[1]), row[2].replaceAll(" ", "\0")]));
}
