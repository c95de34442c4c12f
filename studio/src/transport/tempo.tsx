import { useRef } from "preact/hooks";
import { updateProject } from "../project/edits";
import { mayEdit } from "../project/store";
import { Field } from "../ui/field";

const SLOWEST = 20; // bpm, as the server bounds it
const FASTEST = 300;
const PAUSE = 2000; // ms after which a tap begins a new count
const ENOUGH = 3; // taps
const MOST = 8;
const STEP = 4; // pixels that a drag needs for one bpm

const bounded = (bpm: number): number => Math.min(FASTEST, Math.max(SLOWEST, Math.round(bpm)));

/** A number to write, and beside it a button to tap the tempo on or to drag it up and down. */
export const Tempo = ({ bpm }: { bpm: number }) => {
  const taps = useRef<number[]>([]);
  const drag = useRef<{ y: number; bpm: number; gesture: string; moved: boolean } | null>(null);
  const off = !mayEdit.value;

  const tap = () => {
    if (drag.current?.moved) return; // the click at the end of a drag
    const now = performance.now();
    const recent = now - (taps.current.at(-1) ?? 0) < PAUSE ? taps.current : [];
    taps.current = [...recent, now].slice(-MOST);
    const [first = now] = taps.current;
    if (taps.current.length < ENOUGH) return;
    void updateProject({ bpm: bounded((60_000 * (taps.current.length - 1)) / (now - first)) });
  };

  return (
    <>
      <Field
        type="number"
        aria-label="Tempo"
        min={SLOWEST}
        max={FASTEST}
        step="any"
        value={String(bpm)}
        disabled={off}
        change={(written) => updateProject({ bpm: Number(written) })}
      />
      <button
        type="button"
        class="bare tap"
        aria-label="Tap the bpm"
        title="Tap the tempo, or drag it up and down"
        disabled={off}
        onClick={tap}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { y: event.clientY, bpm, gesture: crypto.randomUUID(), moved: false };
        }}
        onPointerMove={({ clientY, buttons }) => {
          const from = drag.current;
          const wanted = from && buttons ? bounded(from.bpm + (from.y - clientY) / STEP) : bpm;
          if (!from || wanted === bpm) return;
          from.moved = true;
          void updateProject({ bpm: wanted }, from);
        }}
      >
        bpm
      </button>
    </>
  );
};
