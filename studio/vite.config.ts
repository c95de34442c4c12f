import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const PACKED = new Set([".js", ".css", ".svg"]);

/** Puts a `.gz` beside every text, which the server sends to browsers that take it. */
const packed = (): Plugin => {
  let folder = "";
  return {
    name: "packed",
    apply: "build",
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    writeBundle: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((each) => each.isFile() && PACKED.has(extname(each.name)));
      await Promise.all(
        files.map(async ({ parentPath, name }) => {
          const file = join(parentPath, name);
          await writeFile(`${file}.gz`, await promisify(gzip)(await readFile(file), { level: 9 }));
        }),
      );
    },
  };
};

/**
 * Leaves out what checks socket descriptions before they are shown: three quarters of the viewer, and it makes code at
 * run time, which the pages' Content-Security-Policy forbids. The server's description needs no check.
 */
const withoutParser = (): Plugin => ({
  name: "without-parser",
  enforce: "pre",
  resolveId: (source, importer) =>
    source === "./parser" && importer?.includes("@asyncapi/react-component/lib/esm/helpers/") ? "\0nothing" : null,
  load: (id) => (id === "\0nothing" ? "export {};" : null),
});

export default defineConfig({
  base: "/studio/",
  plugins: [withoutParser(), packed()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    alias: [
      // One view library for all pages, and of the viewer's parser only what reads a document.
      { find: /^@asyncapi\/parser(\/cjs\/document)?$/, replacement: path("src/docs/asyncapi-models.js") },
      { find: /^react(-dom)?$/, replacement: "preact/compat" },
    ],
  },
  build: {
    emptyOutDir: true,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      input: {
        studio: path("index.html"),
        status: path("status/index.html"),
        docs: path("docs/index.html"),
        sockets: path("docs/sockets/index.html"),
      },
      onLog: (level, log, write) => log.code === "MODULE_LEVEL_DIRECTIVE" || write(level, log),
    },
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/health", "/openapi.json", "/asyncapi.json", "/socket.io"].map((each) => [
        each,
        { target: process.env.DAWG_SERVER ?? "http://localhost:3001", ws: true },
      ]),
    ),
  },
});
