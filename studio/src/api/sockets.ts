import { effect } from "@preact/signals";
import { io, type Socket } from "socket.io-client";
import type { ClientEvents, ServerEvents } from "../generated/events";
import { token } from "./session";

/** The namespace `/`: jobs, projects and who is there. It connects when the first part of the page asks for it. */
export const socket: Socket<ServerEvents["/"], ClientEvents["/"]> = io("/", {
  autoConnect: false,
  transports: ["websocket", "polling"],
  tryAllTransports: true,
  auth: (give) => give(token.value ? { token: token.value } : {}),
});

effect(() => {
  token.value; // another user is another connection
  if (socket.connected) socket.disconnect().connect();
});
