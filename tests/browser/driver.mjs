// Opens pages in one Chromium for the tests of one process. Each connection to this driver has a browser context of its
// own, which ends with it. The microphone of all pages plays a file. Lines are JSON: {id, page, method, args} is answered with {reply, value} or {reply, error}.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.argv[2],
  headless: true,
  args: [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${process.argv[3]}`,
  ],
});

const NOTHING = new Set(["goto", "reload", "waitForSelector", "screenshot"]); // what these return is no JSON
const FUNCTION = /^\s*(async\s*)?(\([^)]*\)|\w+)\s*=>/;
const asExpression = (source, argument) =>
  FUNCTION.test(source) ? `(${source})(${JSON.stringify(argument) ?? ""})` : source;

const serve = (stream) => {
  const write = (message) => stream.writable && stream.write(JSON.stringify(message) + "\n");
  const context = browser.newContext();
  const pages = new Map();

  const open = async (name) => {
    const page = await (await context).newPage();
    const trouble = [];
    page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
    page.on("console", (line) => line.type() === "error" && trouble.push(`console: ${line.text()}`));
    page.on("requestfailed", (request) => trouble.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
    pages.set(name, { page, trouble });
  };

  const act = async ({ page: name, method, args }) => {
    if (method === "open") return void (await open(name));
    const { page, trouble } = pages.get(name);
    if (method === "trouble") return trouble;
    if (method === "evaluate") return page.evaluate(asExpression(...args));
    const path = method.split("."); // "keyboard.press" is the page's keyboard's
    const last = path.pop();
    const value = await path.reduce((owner, part) => owner[part], page)[last](...args);
    return NOTHING.has(method) ? null : value;
  };

  const lines = createInterface({ input: stream });
  lines.on("line", async (line) => {
    const request = JSON.parse(line);
    try {
      write({ reply: request.id, value: (await act(request)) ?? null });
    } catch (error) {
      write({ reply: request.id, error: error.message });
    }
  });
  lines.on("close", async () => {
    await (await context).close();
    stream.end();
  });
  stream.on("error", () => stream.destroy());
};

const server = createServer({ allowHalfOpen: true, noDelay: true }, serve);
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
const end = async () => {
  await browser.close();
  process.exit(0);
};
process.stdin.on("end", end).resume();
