import { ApiError, errorText, type HttpRequest, HttpReply, setFailpoint } from "../../service";
import { readJsonBody, wrongShape } from "./json-body";

/** POST /failpoints: `[{name, actions}]`. */
export async function configureFailpoints(request: HttpRequest): Promise<HttpReply> {
  const { value, length } = await readJsonBody(request);
  if (!Array.isArray(value)) throw wrongShape("invalid type: map, expected a sequence at line 1 column 0");
  const failpoints = value as { name?: string; actions?: string }[];
  for (const [index, { name, actions }] of failpoints.entries()) {
    const missing = name === undefined ? "name" : actions === undefined ? "actions" : undefined;
    if (missing !== undefined)
      throw wrongShape(`[${index}]: missing field \`${missing}\` at line 1 column ${length - 1}`);
  }
  for (const { name = "", actions = "" } of failpoints) {
    request.log.info(`cfg failpoint: ${name} ${actions}`);
    try {
      setFailpoint(name, actions);
    } catch (error) {
      throw new ApiError(400, `failed to configure failpoints: ${errorText(error)}`);
    }
  }
  return new HttpReply(200, "", "");
}
