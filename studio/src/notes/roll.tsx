import "./notes.css";
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { createClip, createTrack } from "../project/edits";
import { mayEdit, project, tempoMap, tracks } from "../project/store";
import { player } from "../sound/player";
import { Canvas } from "../ui/canvas";
import { selectedClips, selectedTrack } from "../view";
import { bringIntoSight, draw } from "./draw";
import { beatWidth, leftBeat, topPitch, toX } from "./geometry";
import { begin, cursorAt, removeAt } from "./gestures";
import {
  grid,
  isDrums,
  notes,
  openClip,
  openTrack,
  playhead,
  quantize,
  removeSelected,
  selectedNotes,
  store,
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
  const height = useRef(240);
  const id = openClip.value?.id;
  useEffect(() => {
    selectedNotes.value = new Set();
    bringIntoSight(height.current);
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
        <span class="quiet">
          {`${notes.value.length} notes · ${project.value?.key ?? ""} · press to draw, drag to move, double click to delete`}
        </span>
      </div>
      <div class="surface">
        <Canvas
          name={`${name}, ${notes.value.length} notes`}
          draw={draw}
          begin={begin}
          onHover={cursorAt}
          onSize={(_, tall) => {
            height.current = tall;
          }}
          canvasProps={{ onDblClick: removeAt, onWheel: scroll, onKeyDown: keys }}
        />
        <Playhead />
      </div>
    </section>
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
  return <div ref={element} class="playhead" aria-hidden="true" />;
};

const scroll = (event: WheelEvent): void => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) {
    beatWidth.value = Math.min(400, Math.max(8, beatWidth.value * 2 ** (-event.deltaY / 200)));
    return;
  }
  const [across, down] = event.shiftKey ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
  leftBeat.value = Math.max(0, leftBeat.value + across / beatWidth.value);
  topPitch.value = Math.min(127, Math.max(12, topPitch.value - Math.sign(down) * Math.ceil(Math.abs(down) / 40)));
};

const keys = (event: KeyboardEvent): void => {
  const steps: Record<string, () => void> = {
    Delete: removeSelected,
    Backspace: removeSelected,
    ArrowUp: () => transpose(event.shiftKey ? 12 : 1),
    ArrowDown: () => transpose(event.shiftKey ? -12 : -1),
    ArrowLeft: () => shift(-(grid.value || 0.25)),
    ArrowRight: () => shift(grid.value || 0.25),
    a: () => {
      if (event.ctrlKey || event.metaKey) selectedNotes.value = new Set(notes.value.keys());
    },
  };
  const step = steps[event.key];
  if (!step || !mayEdit.value || (selectedNotes.value.size === 0 && event.key !== "a")) return;
  event.preventDefault();
  event.stopPropagation();
  step();
};

const shift = (beats: number): void => {
  const chosen = selectedNotes.value;
  store(
    notes.value.map((note, index) => (chosen.has(index) ? { ...note, start: Math.max(0, note.start + beats) } : note)),
  );
};
