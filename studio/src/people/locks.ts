import { socket } from "../api/sockets";
import { connection, openProject } from "../project/connection";
import type { Gesture } from "../ui/canvas";

const RENEW = 10_000; // ms; the server forgets a lock after fifteen seconds

const renewing = new Map<string, ReturnType<typeof setInterval>>(); // by track

/** Asks others to leave tracks alone until the returned function is called. It stops nobody. */
export const hold = (trackIds: readonly string[]): (() => void) => {
  const projectId = openProject();
  const tell = (event: "track:lock" | "track:unlock", trackId: string) =>
    connection.peek() === "online" && socket.emit(event, { projectId, trackId }, () => {});
  for (const trackId of trackIds) {
    clearInterval(renewing.get(trackId));
    tell("track:lock", trackId);
    renewing.set(
      trackId,
      setInterval(() => tell("track:lock", trackId), RENEW),
    );
  }
  return () => {
    for (const trackId of trackIds) {
      clearInterval(renewing.get(trackId));
      renewing.delete(trackId);
      tell("track:unlock", trackId);
    }
  };
};

/** The same drag, with its tracks held from its first move to its end. */
export const holding = (gesture: Gesture, trackIds: readonly string[]): Gesture => {
  let release: (() => void) | null = null;
  return {
    ...gesture,
    move: (at) => {
      release ??= hold(trackIds);
      gesture.move(at);
    },
    end: (cancelled) => {
      release?.();
      gesture.end(cancelled);
    },
  };
};
