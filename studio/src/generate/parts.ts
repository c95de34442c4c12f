import { computed, signal } from "@preact/signals";
import { deleteTrack, updateTrack, writeParts } from "../project/edits";
import type { Clip } from "../project/entities";
import { clipsByTrack, loop, tempoMap, tracks } from "../project/store";
import { player } from "../sound/player";
import type { MenuItem } from "../ui/menu";
import { panel } from "../view";
import { around, between, count, type Part, type Range } from "./ideas-store";
import { wish } from "./store";

const LONGEST = 64; // bars that are written at once

/** Tracks of one part that were written to choose from; all but one are muted. */
const written = signal<readonly string[]>([]);

/** Those that are still there, with the clip of each. */
export const variations = computed(() =>
  written.value.flatMap((id) => {
    const track = tracks.value.find((each) => each.id === id);
    const clip = clipsByTrack.value.get(id)?.[0];
    return track && clip ? [{ track, clip }] : [];
  }),
);

/** Has notes written that fit to what is there: its chords, tempo and metre, the drums, or another clip. */
const write = async (part: Part, { from, bars }: Range, like?: Clip): Promise<void> => {
  panel.value = "ideas";
  const wanted = {
    part,
    genre: wish.genre.value,
    startBeat: from,
    bars: Math.min(LONGEST, bars),
    variations: count.value,
  };
  const answer = await writeParts(like ? { ...wanted, likeClipId: like.id } : wanted);
  written.value = ((answer.tracks ?? []) as { id: string }[]).map(({ id }) => id);
};

/** Lets one of them be heard, and the others not; what plays goes on. */
export const hearVariation = (trackId: string): void => {
  const gesture = crypto.randomUUID();
  for (const { track } of variations.peek()) {
    const isMuted = track.id !== trackId;
    if (track.isMuted !== isMuted) void updateTrack(track.id, { isMuted }, { gesture });
  }
  if (player.playing.peek()) return;
  const chosen = variations.peek().find(({ track }) => track.id === trackId);
  player.seek(tempoMap.peek().seconds(chosen?.clip.startBeat ?? 0));
  void player.play();
};

/** The others go. */
export const keepVariation = (trackId: string): void => {
  const others = variations.peek().filter(({ track }) => track.id !== trackId);
  written.value = [];
  for (const { track } of others) void deleteTrack(track.id);
  if (tracks.peek().find(({ id }) => id === trackId)?.isMuted) void updateTrack(trackId, { isMuted: false });
};

/** For the menus: parts that go with a stretch of the song; with one clip of notes, a line like it as well. */
const itemsFor = (stretch: Range, off: boolean, like?: Clip): MenuItem[] => {
  const to = (part: Part) => () => void write(part, stretch);
  return [
    { words: "A bass line under this", off, apart: true, run: to("bass") },
    { words: "Drums to this", off, run: to("drums") },
    { words: "Chords under this", off, run: to("chords") },
    { words: "A melody over this", off, run: to("melody") },
    ...(like ? [{ words: "Another melody like this", off, run: () => void write("melody", stretch, like) }] : []),
  ];
};

export const partItems = (clips: readonly Clip[], off: boolean): MenuItem[] => {
  const [only] = clips;
  return itemsFor(around(clips), off, clips.length === 1 && only?.midiData ? only : undefined);
};

/** With the loop region, while there is one. */
export const partItemsOfLoop = (off: boolean): MenuItem[] =>
  loop.value ? itemsFor(between(loop.value.from, loop.value.to), off) : [];

export const partItemsOfTrack = (trackId: string, off: boolean): MenuItem[] => {
  const clips = clipsByTrack.value.get(trackId) ?? [];
  return clips.length > 0 ? partItems(clips, off) : [];
};
