import { parseXml } from "../../s3/xml";
import type { XmlElement } from "../../s3/xml";
import type { RequestBody } from "../body";
import { S3Error } from "../errors";

/** The body as XML with this root element; throws MalformedXML. */
export async function readXmlBody(body: RequestBody, rootName: string): Promise<XmlElement> {
  const { text } = await body.text();
  try {
    const root = parseXml(text);
    if (root.name === rootName) return root;
  } catch (error) {
    if (error instanceof S3Error) throw error;
  }
  throw new S3Error("MalformedXML");
}
