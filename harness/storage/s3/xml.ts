import { SaxesParser } from "saxes";

/** What stands in an element: text, or elements by name. An array is the element repeated; undefined leaves it out. */
export type XmlContent = string | number | boolean | XmlFields;
export interface XmlFields {
  readonly [name: string]: XmlContent | readonly XmlContent[] | undefined;
}

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escapeText = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[&<>"\u0000-\u001f\u007f]/g, (char) => ENTITIES[char] ?? `&#${char.charCodeAt(0)};`);

function writeElement(name: string, content: XmlContent): string {
  const inner = typeof content === "object" ? writeFields(content) : escapeText(String(content));
  return `<${name}>${inner}</${name}>`;
}

/** The elements one after the other, in the order of the fields. */
export function writeFields(fields: XmlFields): string {
  let text = "";
  for (const [name, content] of Object.entries(fields)) {
    if (content === undefined) continue;
    const repeated: readonly XmlContent[] = Array.isArray(content) ? content : [content as XmlContent];
    for (const each of repeated) text += writeElement(name, each);
  }
  return text;
}

/** A whole document in S3's namespace; `inner` is written by `writeFields`. */
export function writeDocument(root: string, inner: string, options: { namespace?: boolean } = {}): string {
  const attribute = options.namespace === false ? "" : ` xmlns="${NAMESPACE}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${inner}</${root}>`;
}

/** An element that was read; `text` is that of the element itself. */
export class XmlElement {
  readonly name: string;
  readonly children: XmlElement[] = [];
  text = "";

  constructor(name: string) {
    this.name = name;
  }

  all(name: string): XmlElement[] {
    return this.children.filter((child) => child.name === name);
  }

  child(name: string): XmlElement | undefined {
    return this.children.find((child) => child.name === name);
  }

  /** The text of a child; undefined when there is none. */
  value(name: string): string | undefined {
    return this.child(name)?.text;
  }
}

/** The root element; throws when the text is not well-formed XML. Namespaces are not looked at. */
export function parseXml(text: string): XmlElement {
  const parser = new SaxesParser();
  const root = new XmlElement("");
  const open = [root];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", (tag) => {
    const element = new XmlElement(tag.name);
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on("text", (part) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += part;
  });
  parser.on("closetag", () => void open.pop());
  parser.write(text).close();
  const [only] = root.children;
  if (only === undefined) throw new Error("the document is empty");
  return only;
}
