// Writes src/generated: the types of every route and socket event, from the descriptions that the server prints.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import openapiTS, { astToString } from "openapi-typescript";

const FOLDER = new URL("../src/generated/", import.meta.url);
const SERVER = new URL("../../", import.meta.url);
const OPTIONS = { defaultNonNullable: false }; // what has a default may be left out
const python = process.env.DAWG_PYTHON ?? ".venv/bin/python";

const described = async (kind) => {
  const options = { cwd: SERVER, maxBuffer: 64 * 2 ** 20 };
  return JSON.parse((await promisify(execFile)(python, ["-m", "dawg_server", kind], options)).stdout);
};

/** The events of both directions, by namespace. */
const events = ({ asyncapi, channels, operations, components }) => {
  const type = (schema) => {
    if (schema.anyOf) return schema.anyOf.map(type).join(" | ");
    if (schema.type === "null") return "null";
    return schema.$ref ? `Schemas["${schema.$ref.split("/").pop()}"]` : "{ [name: string]: unknown }";
  };
  const directions = { send: {}, receive: {} }; // seen from the server
  for (const { action, channel, messages } of Object.values(operations)) {
    const { address } = channels[unescaped(channel.$ref.split("/")[2])];
    directions[action][address] ??= [];
    for (const { $ref } of messages) {
      const { name, payload, "x-ack": ack } = channels[address].messages[unescaped($ref.split("/").pop())];
      const reply = action === "receive" ? `, ack?: (reply: ${type(ack)}) => void` : "";
      directions[action][address].push(`    ${JSON.stringify(name)}: (event: ${type(payload)}${reply}) => void;`);
    }
  }
  const written = (name, namespaces) =>
    `export interface ${name} {\n${Object.entries(namespaces)
      .map(([namespace, lines]) => `  ${JSON.stringify(namespace)}: {\n${lines.join("\n")}\n  };`)
      .join("\n")}\n}\n`;
  return {
    openapi: { openapi: "3.1.0", info: { title: "", version: asyncapi }, paths: {}, components },
    text: `type Schemas = components["schemas"];\n${written("ClientEvents", directions.receive)}${written("ServerEvents", directions.send)}`,
  };
};

const unescaped = (part) => part.replaceAll("~1", "/").replaceAll("~0", "~");

const [rest, sockets] = await Promise.all([described("openapi"), described("asyncapi")]);
const { openapi, text } = events(sockets);
await mkdir(FOLDER, { recursive: true });
await writeFile(new URL("rest.d.ts", FOLDER), astToString(await openapiTS(rest, OPTIONS)));
await writeFile(new URL("events.d.ts", FOLDER), astToString(await openapiTS(openapi, OPTIONS)) + text);
