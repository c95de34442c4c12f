import { signal } from "@preact/signals";

/** Who has asked others to leave a track alone. */
export interface Holder {
  userId: string;
  username: string;
}

/** By track, until they say that they are done, or say nothing any more. */
export const heldTracks = signal<ReadonlyMap<string, Holder>>(new Map());

const ends = new Map<string, ReturnType<typeof setTimeout>>(); // by track

export const heldBy = (trackId: string, { userId, username }: Holder, expiresAt: unknown): void => {
  heldTracks.value = new Map(heldTracks.peek()).set(trackId, { userId, username });
  clearTimeout(ends.get(trackId));
  const left = new Date(String(expiresAt)).getTime() - Date.now();
  ends.set(
    trackId,
    setTimeout(() => released(trackId), Math.max(0, left)),
  );
};

export const released = (trackId: string): void => {
  const others = new Map(heldTracks.peek());
  if (others.delete(trackId)) heldTracks.value = others;
};
