import { signal } from "@preact/signals";
import { partItemsOfTrack } from "../generate/parts";
import { groupTracks, remove, reorderTracks, ungroupTracks, updateTrack } from "../project/edits";
import type { Track } from "../project/entities";
import { automations, clipsByTrack, freezes, mayEdit, tracks } from "../project/store";
import type { MenuItem } from "../ui/menu";
import { keyOf, type Target, targetsOf, titleOf } from "./envelopes";
import { contentHeight, type LaneRow, openLanes, openTakes, rows, takesOn } from "./layout";
import { bounceTrack, freezeTrack } from "./sound-edits";

export const NEW_KINDS: [Track["trackType"], string][] = [
  ["AUDIO", "Audio track"],
  ["INSTRUMENT", "Instrument track"],
  ["AUX", "Bus"],
  ["GROUP", "Group"],
];

const openLane = (trackId: string, target: Target): void => {
  const open = openLanes.value.get(trackId) ?? [];
  openLanes.value = new Map(openLanes.value).set(trackId, [...open, target]);
};

export const closeLane = ({ track, key }: LaneRow): void => {
  const open = openLanes.value.get(track.id) ?? [];
  openLanes.value = new Map(openLanes.value).set(
    track.id,
    open.filter((target) => keyOf(target) !== key),
  );
};

/** What the menu of a track offers: its lanes, and the groups. */
export const trackItems = (track: Track): MenuItem[] => {
  const open = new Map((openLanes.value.get(track.id) ?? []).map((target) => [keyOf(target), target]));
  const written = new Set(automations.value.filter(({ trackId }) => trackId === track.id).map(keyOf));
  const lanes = targetsOf(track).map((target): MenuItem => {
    const key = keyOf(target);
    return {
      words: `${titleOf(target)}${written.has(key) ? " •" : ""}`,
      on: open.has(key),
      run: () => (open.has(key) ? closeLane({ track, key, target, top: 0 }) : openLane(track.id, target)),
    };
  });
  const off = !mayEdit.value;
  const freeze = freezes.value.find(({ trackId }) => trackId === track.id);
  const groups = tracks.value.filter(
    ({ trackType, id }) => trackType === "GROUP" && id !== track.id && id !== track.groupId,
  );
  const takes: MenuItem = {
    words: "Takes",
    on: openTakes.value.has(track.id),
    run: () => {
      const next = new Set(openTakes.value);
      if (!next.delete(track.id)) next.add(track.id);
      openTakes.value = next;
    },
  };
  return [
    ...(takesOn(track.id) > 0 ? [takes] : []),
    ...lanes,
    ...(clipsByTrack.value.get(track.id)?.length
      ? [
          freeze
            ? { words: "Unfreeze", off, apart: true, run: () => void remove("freeze", freeze.id) }
            : { words: "Freeze", off, apart: true, run: () => void freezeTrack(track.id) },
          { words: "Bounce in place", off, run: () => void bounceTrack(track.id) },
        ]
      : []),
    ...partItemsOfTrack(track.id, off),
    ...(track.trackType === "MASTER"
      ? []
      : [{ words: "New group with it", off, apart: true, run: () => void groupTracks([track.id]) }]),
    ...groups.map(({ id, name }) => ({
      words: `Into ${name}`,
      off,
      run: () => void updateTrack(track.id, { groupId: id }),
    })),
    ...(track.groupId
      ? [{ words: "Out of its group", off, run: () => void updateTrack(track.id, { groupId: null }) }]
      : []),
    ...(track.trackType === "GROUP" ? [{ words: "Ungroup", off, run: () => void ungroupTracks(track.id) }] : []),
  ];
};

/** The track that is dragged, and the line where it would come. */
export const moving = signal<string | null>(null);
export const dropPlace = signal<{ place: number; top: number } | null>(null);

/** Puts a track at another place in the list; those of its group stay where they are. */
const moveTo = (id: string, place: number): void => {
  const order = tracks.value.map((track) => track.id).filter((each) => each !== id);
  const from = tracks.value.findIndex((track) => track.id === id);
  const at = place > from ? place - 1 : place;
  if (at === from || from < 0) return;
  order.splice(at, 0, id);
  void reorderTracks(order.map((each, index) => ({ id: each, order: index })));
};

export const moveBy = (id: string, by: number): void => {
  const from = tracks.value.findIndex((track) => track.id === id);
  const to = from + by;
  if (to < 0 || to >= tracks.value.length) return;
  moveTo(id, by > 0 ? to + 1 : to);
};

export const startMoving = (event: PointerEvent, id: string): void => {
  const grip = event.currentTarget as HTMLElement;
  const list = grip.closest("ol");
  if (!list || event.button !== 0) return;
  const done = new AbortController();
  grip.setPointerCapture(event.pointerId);
  const move = ({ clientY }: PointerEvent) => {
    const y = clientY - list.getBoundingClientRect().top;
    const over = rows.value.find((row) => y < row.top + row.height / 2);
    moving.value = id;
    dropPlace.value = over
      ? { place: over.place, top: over.top }
      : { place: tracks.value.length, top: contentHeight.value };
  };
  const end = (cancelled: boolean) => {
    done.abort();
    const place = dropPlace.value?.place;
    moving.value = dropPlace.value = null;
    if (!cancelled && place !== undefined) moveTo(id, place);
  };
  grip.addEventListener("pointermove", move, { signal: done.signal });
  grip.addEventListener("pointerup", () => end(false), { signal: done.signal });
  grip.addEventListener("pointercancel", () => end(true), { signal: done.signal });
  window.addEventListener("keydown", ({ key }) => key === "Escape" && end(true), { signal: done.signal });
};
