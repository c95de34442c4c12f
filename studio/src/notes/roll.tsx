import "./notes.css";
import { useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { createClip, createTrack } from "../project/edits";
import { mayEdit, project, tempoMap, tracks } from "../project/store";
import { player } from "../sound/player";
import { Canvas, pointOf } from "../ui/canvas";
import { refuse } from "../ui/field";
import { following, selectedClips, selectedTrack } from "../view";
import { cursor, cursorText, moveCursor, writeAtCursor } from "./cursor";
import { bringIntoSight, draw } from "./draw";
import { beatWidth, KEYS, leftBeat, scrollBy, size, toX, zoomBy } from "./geometry";
import { begin, cursorAt, removeAt } from "./gestures";
import {
  copy,
  duplicate,
  grid,
  isDrums,
  legato,
  lengthen,
  newVelocity,
  notes,
  openClip,
  openTrack,
  paste,
  playhead,
  quantize,
  removeSelected,
  selectAll,
  selectedNotes,
  setVelocity,
  shift,
  transpose,
} from "./store";

const GRIDS: [beats: number, name: string][] = [
  [1, "1/4"],
  [0.5, "1/8"],
  [1 / 3, "1/8 triplet"],
  [0.25, "1/16"],
  [1 / 6, "1/16 triplet"],
  [0.125, "1/32"],
  [0, "off"],
];

/** The notes of the selected clip: a piano roll, or rows of drums. */
export const PianoRoll = () => {
  const id = openClip.value?.id;
  // Before anything can be pressed in what is shown.
  useLayoutEffect(() => {
    selectedNotes.value = new Set();
    cursor.value = null;
    bringIntoSight();
  }, [id]);
  if (!openClip.value) return <Nothing />;
  const name = `${isDrums.value ? "Drum grid" : "Piano roll"} of ${openTrack.value?.name ?? ""}`;
  return (
    <section class="roll" aria-label={name}>
      <div class="row tools">
        <label>
          Grid{" "}
          <select value={grid} onChange={({ currentTarget }) => (grid.value = Number(currentTarget.value))}>
            {GRIDS.map(([beats, words]) => (
              <option key={words} value={beats}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={!mayEdit.value} onClick={quantize}>
          Quantize
        </button>
        <button type="button" disabled={!mayEdit.value} onClick={() => transpose(12)}>
          Octave up
        </button>
        <button type="button" disabled={!mayEdit.value} onClick={() => transpose(-12)}>
          Octave down
        </button>
        <button type="button" title="L" disabled={!mayEdit.value} onClick={legato}>
          Legato
        </button>
        <Velocity />
        <span class="quiet">
          {`${notes.value.length} notes · ${project.value?.key ?? ""} · ${isDrums.value ? "press a step to switch it" : "press to draw, drag to move, double click to delete; by keys: arrows and Enter"}`}
        </span>
      </div>
      <div class="surface">
        <Canvas
          name={`${name}, ${notes.value.length} notes`}
          draw={draw}
          begin={begin}
          onHover={cursorAt}
          onSize={(width, height) => {
            size.value = { width, height };
          }}
          scroll={scrollBy}
          canvasProps={{ onDblClick: removeAt, onWheel: wheel, onKeyDown: keys }}
        />
        <Playhead />
        <span class="unseen" role="status">
          {cursorText}
        </span>
      </div>
    </section>
  );
};

/** Of what is selected, else of the notes that are drawn next. */
const Velocity = () => {
  const chosen = [...selectedNotes.value].flatMap((index) => notes.value[index] ?? []);
  const mean = chosen.reduce((sum, { velocity }) => sum + velocity, 0) / chosen.length;
  return (
    <label>
      Velocity{" "}
      <input
        type="number"
        min={1}
        max={127}
        value={chosen.length > 0 ? Math.round(mean) : newVelocity.value}
        disabled={!mayEdit.value}
        onChange={({ currentTarget }) => {
          if (!currentTarget.validity.valid || !currentTarget.value) {
            refuse(currentTarget, "Velocity", String(chosen.length > 0 ? Math.round(mean) : newVelocity.value));
          } else if (chosen.length > 0) setVelocity(currentTarget.valueAsNumber);
          else newVelocity.value = currentTarget.valueAsNumber;
        }}
      />
    </label>
  );
};

const Nothing = () => (
  <div class="nothing">
    <p class="quiet">Select a clip of notes to see it here.</p>
    <button type="button" class="primary" disabled={!mayEdit.value} onClick={() => void newClip()}>
      New clip of notes
    </button>
  </div>
);

const NOTES = new Set(["MIDI", "INSTRUMENT"]);

/** Four bars at the playhead, on the selected track if it takes notes. */
const newClip = async (): Promise<void> => {
  const chosen = tracks.value.find(({ id, trackType }) => id === selectedTrack.value && NOTES.has(trackType));
  const answer = chosen ? null : await createTrack({ name: "Notes", trackType: "MIDI" });
  const trackId = chosen?.id ?? (answer?.track as { id: string } | undefined)?.id;
  if (!trackId) return;
  const map = tempoMap.value;
  const { bar } = map.position(map.beat(player.position.value));
  const startBeat = map.beatOfBar(bar - 1);
  const lengthBeats = map.beatOfBar(bar + 3) - startBeat;
  const made = await createClip({ trackId, startBeat, lengthBeats, midiData: { notes: [] }, timebase: "musical" });
  const clip = made.clip as { id: string } | undefined;
  if (clip) selectedClips.value = new Set([clip.id]);
};

const Playhead = () => {
  const element = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const at = playhead.value;
    if (!element.current) return;
    element.current.hidden = at === null;
    if (at !== null) element.current.style.transform = `translateX(${toX(at)}px)`;
  });
  useSignalEffect(() => {
    const at = playhead.value;
    if (at === null || !player.playing.value || !following.value) return;
    const wide = (size.peek().width - KEYS) / beatWidth.peek();
    const within = (at - leftBeat.peek()) / wide;
    if (within < 0 || within > 0.95) leftBeat.value = Math.max(0, at - wide * 0.05);
  });
  return <div ref={element} class="playhead" aria-hidden="true" />;
};

const wheel = (event: WheelEvent): void => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) zoomBy(2 ** (-event.deltaY / 200), pointOf(event).x);
  else if (event.shiftKey) scrollBy(event.deltaX || event.deltaY, 0);
  else scrollBy(event.deltaX, event.deltaY);
};

const NEEDS_NOTES = new Set(["Delete", "Backspace", "Escape", "Shift ArrowLeft", "Shift ArrowRight"]);

/** An arrow moves what is selected, else the cursor at which Enter writes. */
const arrow = (along: number, down: number, octave: boolean): void => {
  if (selectedNotes.value.size === 0) moveCursor(along, down * (octave ? 12 : 1));
  else if (down) transpose(-down * (octave ? 12 : 1));
  else shift(along * (grid.value || 0.25));
};

/** The keys of the page mean notes here. */
const keys = (event: KeyboardEvent): void => {
  const steps: Record<string, () => unknown> = {
    Delete: removeSelected,
    Backspace: removeSelected,
    Escape: () => (selectedNotes.value = new Set()),
    Enter: writeAtCursor,
    ArrowUp: () => arrow(0, -1, false),
    ArrowDown: () => arrow(0, 1, false),
    ArrowLeft: () => arrow(-1, 0, false),
    ArrowRight: () => arrow(1, 0, false),
    "Shift ArrowUp": () => arrow(0, -1, true),
    "Shift ArrowDown": () => arrow(0, 1, true),
    "Shift ArrowLeft": () => lengthen(-(grid.value || 0.25)),
    "Shift ArrowRight": () => lengthen(grid.value || 0.25),
    "Ctrl a": selectAll,
    "Ctrl c": copy,
    "Ctrl x": () => {
      copy();
      removeSelected();
    },
    "Ctrl v": paste,
    "Ctrl d": duplicate,
    q: quantize,
    l: legato,
  };
  const held = event.ctrlKey || event.metaKey ? "Ctrl " : event.shiftKey && event.key.length > 1 ? "Shift " : "";
  const name = held + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  const step = steps[name];
  if (!step || !mayEdit.value || (selectedNotes.value.size === 0 && NEEDS_NOTES.has(name))) return;
  event.preventDefault();
  event.stopPropagation();
  step();
};
