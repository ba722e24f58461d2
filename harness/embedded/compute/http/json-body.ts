import { ApiError, errorText, type HttpRequest, parseJson } from "../../service";

const WRONG_SHAPE = "failed to deserialize the json body into the target type";

/** 422: JSON, but not of the right shape. */
export const wrongShape = (reason: string): ApiError => new ApiError(422, `${WRONG_SHAPE}: ${reason}`);

/** The body of a request to compute_ctl, with its errors: 415 for another type, 400 for what is no JSON. */
export async function readJsonBody(request: HttpRequest): Promise<{ value: unknown; length: number }> {
  if (!/^application\/([\w.-]+\+)?json\b/.test(request.headers["content-type"] ?? "")) {
    throw new ApiError(415, "expected request with `content-type: application/json`");
  }
  const text = (await request.body()).toString("utf8");
  try {
    return { value: parseJson(text), length: text.length };
  } catch (error) {
    throw new ApiError(400, `failed to parse the request body as json: ${errorText(error).toLowerCase()}`);
  }
}

/** An object whose `fields` are strings; 422 for the first that is missing. */
export async function readObject<T>(request: HttpRequest, fields: readonly (keyof T & string)[]): Promise<T> {
  const { value, length } = await readJsonBody(request);
  for (const field of fields) {
    if (typeof (value as Record<string, unknown> | null)?.[field] === "string") continue;
    throw wrongShape(`missing field \`${field}\` at line 1 column ${length}`);
  }
  return value as T;
}
