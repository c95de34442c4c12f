// What the viewer takes from @asyncapi/parser: documents and their models, without everything that checks them.
export * from "@asyncapi/parser/esm/document";
export { SchemaV2 } from "@asyncapi/parser/esm/models";
export { unstringify } from "@asyncapi/parser/esm/stringify";
