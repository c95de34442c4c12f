import { io, type Socket } from "socket.io-client";
import type { ClientEvents, ServerEvents } from "../generated/events";

const OPTIONS = { autoConnect: false, transports: ["websocket", "polling"], tryAllTransports: true };

/** The namespace `/`: jobs, projects and who is there. It connects when the first part of the page asks for it. */
export const socket: Socket<ServerEvents["/"], ClientEvents["/"]> = io("/", OPTIONS);

/** The text assistant, on the same connection. It connects with the first question. */
export const brain: Socket<ServerEvents["/ai-brain"], ClientEvents["/ai-brain"]> = io("/ai-brain", OPTIONS);

/** Live speech, on the same connection. */
export const voice: Socket<ServerEvents["/voice"], ClientEvents["/voice"]> = io("/voice", OPTIONS);
