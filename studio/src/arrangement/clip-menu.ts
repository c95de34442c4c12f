import { partItems, partItemsOfLoop } from "../generate/parts";
import { humanizeNotes, legatoNotes, rampVelocities, reverseNotes, transposeNotes } from "../project/edits";
import type { Clip } from "../project/entities";
import { mayEdit } from "../project/store";
import { player } from "../sound/player";
import { pointOf } from "../ui/canvas";
import { type MenuItem, showMenu } from "../ui/menu";
import { panel, selectedClips, selectedTrack } from "../view";
import {
  clipboard,
  copy,
  crossfade,
  cut,
  glue,
  overlaps,
  paste,
  removeSelected,
  repeat,
  selectAll,
  selection,
  split,
} from "./actions";
import { bandAt, RULER, toX } from "./geometry";
import { boundsOf, hit } from "./hit";
import { laneMenu } from "./lane-gestures";
import { rowOf, spotAt, zoomToSelection } from "./layout";
import { itemsAt, itemsOf } from "./places";
import { beatAt, placedAt } from "./ruler-gestures";
import { glueSound, normalizeClip, reverseClip } from "./sound-edits";
import { takeMenu } from "./takes";

/** Of the clips that are selected. */
export const clipItems = (): MenuItem[] => {
  const list = selection();
  const off = !mayEdit.value || list.length === 0;
  const at = player.position.value;
  const met = list.some(({ startTime, duration }) => startTime < at && startTime + duration > at);
  const notes = list.every(({ midiData }) => midiData);
  const sound = list.every(({ audioFileId }) => audioFileId);
  return [
    { words: "Open the notes", off: list.length !== 1 || !notes, run: () => (panel.value = "notes") },
    { words: "Split at the playhead", keys: "S", off: off || !met, run: () => split() },
    { words: "Duplicate", keys: "Ctrl D", off, run: () => repeat() },
    { words: "Repeat to 4 times", off, run: () => repeat(3) },
    { words: "Repeat to 8 times", off, run: () => repeat(7) },
    { words: "Copy", keys: "Ctrl C", off: list.length === 0, apart: true, run: copy },
    { words: "Cut", keys: "Ctrl X", off, run: cut },
    {
      words: "Paste at the playhead",
      keys: "Ctrl V",
      off: !mayEdit.value || clipboard.value.length === 0,
      run: () => paste(),
    },
    { words: "Crossfade", keys: "X", off: off || overlaps().length === 0, apart: true, run: crossfade },
    { words: "Glue", keys: "G", off: off || list.length < 2, run: glue },
    {
      words: "Glue to one recording",
      off: off || !sound || new Set(list.map(({ trackId }) => trackId)).size > 1,
      run: () => void glueSound(list.map(({ id }) => id)),
    },
    { words: "Normalise", off: off || !sound, run: () => list.forEach(({ id }) => void normalizeClip(id)) },
    ...(sound && list.length === 1
      ? [{ words: "Reverse", off, run: () => list.forEach(({ id }) => void reverseClip(id)) }]
      : []),
    ...(notes && list.length > 0
      ? noteItems(
          list.map(({ id }) => id),
          off,
        )
      : []),
    ...(list.length > 0 ? partItems(list, off) : []),
    { words: "Zoom to it", keys: "Z", off: list.length === 0, apart: true, run: zoomToSelection },
    { words: "Delete", keys: "Delete", off, run: removeSelected },
  ];
};

/** One step edits of all notes of clips. */
const noteItems = (ids: string[], off: boolean): MenuItem[] => [
  { words: "Octave up", off, apart: true, run: () => void transposeNotes(ids, 12) },
  { words: "Octave down", off, run: () => void transposeNotes(ids, -12) },
  { words: "Legato", off, run: () => void legatoNotes(ids) },
  { words: "Humanise", off, run: () => void humanizeNotes(ids, Date.now() % 2 ** 31) },
  { words: "Reverse", off, run: () => void reverseNotes(ids) },
  { words: "Crescendo", off, run: () => void rampVelocities(ids, 40, 120) },
  { words: "Diminuendo", off, run: () => void rampVelocities(ids, 120, 40) },
];

const groundItems = (): MenuItem[] => [
  {
    words: "Paste at the playhead",
    keys: "Ctrl V",
    off: !mayEdit.value || clipboard.value.length === 0,
    run: () => paste(),
  },
  { words: "Select all", keys: "Ctrl A", run: selectAll },
];

/** The menu of what is under the pointer; from the keyboard that of the selection. */
export const contextMenu = (event: MouseEvent): void => {
  event.preventDefault();
  const byKeys = event.button !== 2 && !(event.ctrlKey && event.button === 0);
  if (byKeys) {
    menuOfSelection(event.currentTarget as Element);
    return;
  }
  const { x, y, altKey } = pointOf(event);
  const [left, top] = [event.clientX, event.clientY];
  if (y < RULER) {
    const found = placedAt(x, y);
    const items =
      found && mayEdit.value
        ? itemsOf(found.kind, found.id, left, top)
        : [...itemsAt(left, top, beatAt(x, altKey)), ...partItemsOfLoop(!mayEdit.value)];
    showMenu(bandAt(y), left, top, items);
    return;
  }
  const lane = spotAt(y)?.lane;
  if (lane) {
    if (lane.take === undefined) laneMenu(event, lane);
    else takeMenu(event, lane);
    return;
  }
  const found = hit(x, y);
  selectedTrack.value = spotAt(y)?.row.track.id ?? selectedTrack.value;
  if (found && !selectedClips.value.has(found.clip.id)) selectedClips.value = new Set([found.clip.id]);
  showMenu(found ? (found.clip.name ?? "Clip") : "Arrangement", left, top, found ? clipItems() : groundItems());
};

const menuOfSelection = (canvas: Element): void => {
  const { left, top } = canvas.getBoundingClientRect();
  const first: Clip | undefined = selection()[0];
  const row = rowOf.value.get(first?.trackId ?? "");
  const bounds = first && row ? boundsOf(first, row) : { x: toX(player.position.value), y: RULER };
  showMenu(
    first?.name ?? "Arrangement",
    left + Math.max(0, bounds.x) + 8,
    top + bounds.y + 20,
    first ? clipItems() : groundItems(),
  );
};
