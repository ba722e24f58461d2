import { ApiError, errorText, type HttpRequest } from "../../service";
import type { ComputeNode } from "../compute-node";
import type { ComputeState } from "../compute-state";
import { IncompleteSpecError, parseSpec, SpecError } from "../parse-spec";
import type { ComputeSpec } from "../spec";
import { readJsonBody, wrongShape } from "./json-body";

/** POST /configure: answers when the new specification is in force, or has failed. */
export async function configure(node: ComputeNode, request: HttpRequest): Promise<ComputeState> {
  const spec = await readSpec(request);
  node.state.require("running");
  const { mode } = node.state.spec ?? spec;
  if (spec.mode.kind !== mode.kind) {
    throw new ApiError(400, `the mode of a running compute can't change from ${mode.kind} to ${spec.mode.kind}`);
  }
  await node.configure(spec);
  const { status, error } = node.state;
  if (status !== "failed") return node.state;
  throw new ApiError(500, `compute configuration failed: ${JSON.stringify(error ?? "unknown error")}`);
}

async function readSpec(request: HttpRequest): Promise<ComputeSpec> {
  const { value, length } = await readJsonBody(request);
  const spec: unknown = (value as { spec?: unknown } | null)?.spec;
  if (spec === undefined) throw wrongShape(`missing field \`spec\` at line 1 column ${length}`);
  try {
    return parseSpec(spec);
  } catch (error) {
    if (error instanceof IncompleteSpecError) throw new ApiError(400, error.message);
    if (error instanceof SpecError) throw wrongShape(`spec: ${errorText(error)}`);
    throw error;
  }
}
