// The balancer in front of a cluster: node balancer.mjs <port> <replica's port>...
// It picks another replica for every single request and knows nothing of sessions. A replica that does not take the
// connection is passed over; so is one that answers a GET with 503.
import http from "node:http";
import net from "node:net";

const [own, ...replicas] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true });
let turn = 0;
const inTurn = () => {
  const first = turn++ % replicas.length;
  return [...replicas.slice(first), ...replicas.slice(0, first)];
};

const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const ask = ([port, ...others]) => {
    const upstream = http.request({ port, agent, method: request.method, path: request.url, headers: request.headers });
    upstream.on("response", (reply) => {
      if (reply.statusCode === 503 && request.method === "GET" && others.length) {
        reply.resume();
        return ask(others);
      }
      response.writeHead(reply.statusCode, reply.rawHeaders);
      reply.pipe(response);
    });
    upstream.on("error", (error) => {
      const untouched = error.code === "ECONNREFUSED" || (error.code === "ECONNRESET" && upstream.reusedSocket);
      if (others.length && untouched && !response.headersSent) return ask(others);
      if (response.headersSent) return response.destroy();
      response.writeHead(502).end(`no replica: ${error.code}`);
    });
    response.on("close", () => upstream.destroy());
    upstream.end(body);
  };
  ask(inTurn());
});

server.on("upgrade", (request, socket, head) => {
  const ask = ([port, ...others]) => {
    const upstream = net.connect(port);
    upstream.on("connect", () => {
      const lines = [`${request.method} ${request.url} HTTP/1.1`];
      for (let at = 0; at < request.rawHeaders.length; at += 2) {
        lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      }
      upstream.write(lines.join("\r\n") + "\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", (error) => {
      if (others.length && error.code === "ECONNREFUSED") return ask(others);
      socket.destroy();
    });
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
  };
  socket.on("error", () => socket.destroy());
  ask(inTurn());
});

server.listen(own, "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0)).resume();
