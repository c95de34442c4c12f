// What the benchmarks compare with: Socket.IO and Express as they come, with the middleware that such servers have.
// Prints its port; GET /cpu tells the processor seconds used so far, GET /health/live is the smallest answer there is.
import { createServer } from "node:http";
import compression from "compression";
import cors from "cors";
import express from "express";
import helmet from "helmet";
import { Server } from "socket.io";

const ROOM = "project:benchmark";
const app = express();
app.get("/cpu", (_, response) => {
  const { user, system } = process.cpuUsage();
  response.json((user + system) / 1e6);
});
app.use(helmet(), cors(), compression());
app.get("/health/live", (_, response) => response.json({ status: "ok" }));

const server = createServer(app);
new Server(server).on("connection", (socket) => {
  socket.join(ROOM);
  socket.on("update", (data) => socket.to(ROOM).emit("track:updated", data));
  socket.on("echo", async (data, acknowledge) => acknowledge({ success: true }));
  socket.on("stream", async ({ deltas, interval }, acknowledge) => {
    for (let number = 0; number < deltas; number++) {
      socket.emit("response-delta", { requestId: "benchmark", delta: `word ${number} ` });
      if (interval) await new Promise((resolve) => setTimeout(resolve, interval));
      else if (number % 8 === 7) await new Promise(setImmediate);
    }
    acknowledge({ success: true });
  });
});
server.listen(0, "127.0.0.1", 1024, () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
