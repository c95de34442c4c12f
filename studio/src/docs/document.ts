import { toAsyncAPIDocument } from "@asyncapi/parser/esm/document";
import type { AsyncAPIDocumentInterface } from "@asyncapi/parser/esm/models";

type Node = { [name: string]: unknown };

/** The document that the viewer shows: as its parser leaves it, with every reference replaced by what it points to. */
export const asDocument = (description: Node): AsyncAPIDocumentInterface | undefined => {
  const root = resolved(description);
  for (const channel of named(root.channels)) named(channel.messages);
  named(root.operations);
  for (const [name, schema] of Object.entries(schemas(root))) schema["x-parser-schema-id"] = name;
  return toAsyncAPIDocument({ ...root, "x-parser-spec-parsed": true, "x-parser-api-version": 3 });
};

/** Gives each object its own key, as the viewer's models expect. */
const named = (objects: unknown): Node[] =>
  Object.entries((objects ?? {}) as { [name: string]: Node }).map(([name, each]) =>
    Object.assign(each, { "x-parser-unique-object-id": name }),
  );

const schemas = (root: Node) => ((root.components as Node | undefined)?.schemas ?? {}) as { [name: string]: Node };

const resolved = (root: Node): Node => {
  const made = new Map<unknown, unknown>(); // one object for each place, so that circles end

  const at = (pointer: string): unknown =>
    pointer
      .slice(2)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
      .reduce<unknown>((node, part) => (node as Node | undefined)?.[part], root);

  const copy = (node: unknown): unknown => {
    if (typeof node !== "object" || node === null) return node;
    const reference = (node as Node).$ref;
    if (typeof reference === "string" && reference.startsWith("#/")) return copy(at(reference));
    if (made.has(node)) return made.get(node);
    const target: Node | unknown[] = Array.isArray(node) ? [] : {};
    made.set(node, target);
    for (const [name, value] of Object.entries(node)) (target as Node)[name] = copy(value);
    return target;
  };
  return copy(root) as Node;
};
