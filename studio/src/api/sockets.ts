import { io, type Socket } from "socket.io-client";
import type { ClientEvents, ServerEvents } from "../generated/events";

/** The namespace `/`: jobs, projects and who is there. It connects when the first part of the page asks for it. */
export const socket: Socket<ServerEvents["/"], ClientEvents["/"]> = io("/", {
  autoConnect: false,
  transports: ["websocket", "polling"],
  tryAllTransports: true,
});
