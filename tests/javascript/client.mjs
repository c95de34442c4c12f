// The official Socket.IO client behind JSON lines over TCP: requests come in, replies and everything that happens go out.
// Bytes travel as {"$bytes": base64}. Each connection has clients of its own, which are gone when it ends. The port is
// told on stdout; the process ends with its stdin.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { Manager } from "socket.io-client";

const pack = (value) => {
  if (value instanceof ArrayBuffer) return { $bytes: Buffer.from(value).toString("base64") };
  if (ArrayBuffer.isView(value)) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (Array.isArray(value)) return value.map(pack);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, pack(each)]));
  }
  return value;
};

const unpack = (value) => {
  if (Array.isArray(value)) return value.map(unpack);
  if (value && typeof value === "object") {
    if (typeof value.$bytes === "string") return Buffer.from(value.$bytes, "base64");
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unpack(each)]));
  }
  return value;
};

// As when the network goes away: the server is not told, and what was under way is lost.
const lose = ({ engine }) => {
  engine.transport.ws?.terminate();
  engine.transport.pollXhr?.abort();
  engine.transport.onError("the network is gone");
};

const serve = (stream) => {
  const managers = new Map();
  const sockets = new Map();

  const write = (message) => stream.writable && stream.write(JSON.stringify(message) + "\n");

  const managerOf = ({ connection, url, transports, headers, reconnection }) => {
    if (!managers.has(connection)) {
      managers.set(connection, new Manager(url, { transports, extraHeaders: headers, reconnection, autoConnect: false }));
    }
    return managers.get(connection);
  };

  const actions = {
    connect: (request) =>
      new Promise((resolve, reject) => {
        const manager = managerOf(request);
        const socket = manager.socket(request.namespace, { auth: request.auth });
        const { client } = request;
        const happened = (name, detail) => write({ client, happened: name, detail: pack(detail ?? null) });
        sockets.set(client, socket);
        socket.onAny((event, ...args) => {
          const acknowledge = typeof args.at(-1) === "function" ? args.pop() : null;
          write({ client, event, args: pack(args) });
          if (acknowledge) acknowledge(...args);
        });
        const state = () => ({ sid: socket.id, transport: manager.engine.transport.name });
        socket.on("connect", () => {
          manager.engine.on("upgrade", (transport) => happened("upgrade", transport.name));
          happened("connect", state());
          resolve(state());
        });
        socket.on("disconnect", (reason) => happened("disconnect", reason));
        socket.on("connect_error", (error) => {
          const detail = { message: error.message, data: error.data ?? null };
          happened("connect_error", detail);
          reject(detail);
        });
        manager.on("error", (error) => reject({ message: error.message, data: null }));
        socket.connect();
      }),
    emit: ({ client, event, args }) => void sockets.get(client).emit(event, ...unpack(args)),
    emitWithAck: async ({ client, event, args, timeout }) =>
      pack(await sockets.get(client).timeout(timeout).emitWithAck(event, ...unpack(args))),
    disconnect: ({ client }) => void sockets.get(client).disconnect(),
    lose: ({ client }) => lose(sockets.get(client).io),
  };

  // Lines are handled as they come, so that what one client emits leaves in that order.
  const lines = createInterface({ input: stream });
  lines.on("line", async (line) => {
    const request = JSON.parse(line);
    try {
      write({ reply: request.id, value: (await actions[request.action](request)) ?? null });
    } catch (error) {
      write({ reply: request.id, error: { message: error.message, data: pack(error.data ?? null) } });
    }
  });
  lines.on("close", () => {
    for (const manager of managers.values()) {
      manager.reconnection(false);
      if (manager.engine?.transport) lose(manager);
    }
    for (const socket of sockets.values()) socket.disconnect();
    stream.end();
  });
  stream.on("error", () => stream.destroy());
};

const server = createServer({ allowHalfOpen: true, noDelay: true }, serve);
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
process.stdin.on("end", () => process.exit(0)).resume();
