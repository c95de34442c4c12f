import {
  chords,
  loop,
  looping,
  markers,
  project,
  sections,
  tempoEvents,
  tempoMap,
  timeSignatureEvents,
} from "../project/store";
import { zoom } from "../view";
import { fitted } from "./clip-drawing";
import { BANDS, RULER, toSeconds, toX } from "./geometry";
import { colourOf, type Palette } from "./palette";
import { METRE, metreAt } from "./ruler-gestures";

type Brush = CanvasRenderingContext2D;

/** Sections and markers, chords, bars with the loop region, seconds, tempo and metre. */
export const drawRuler = (
  brush: Brush,
  width: number,
  bars: readonly { x: number; main: boolean; bar: number }[],
  palette: Palette,
): void => {
  brush.fillStyle = palette.panel;
  brush.fillRect(0, 0, width, RULER);
  brush.font = palette.small;
  brush.textBaseline = "middle";
  const region = loop.value;
  if (region) {
    brush.fillStyle = looping.value ? palette.accent : palette.line;
    brush.fillRect(toX(region.from), BANDS.bars, (region.to - region.from) * zoom.value, 4);
  }
  places(brush, palette);
  harmony(brush, width, palette);
  for (const { x, main, bar } of bars) {
    brush.fillStyle = main ? palette.quiet : palette.line;
    brush.fillRect(Math.round(x), BANDS.bars + (main ? 6 : 16), 1, main ? 16 : 4);
    if (main) brush.fillText(String(bar + 1), x + 4, BANDS.bars + 14);
  }
  seconds(brush, width, palette);
  tempi(brush, width, palette);
  brush.fillStyle = palette.line;
  for (const y of [BANDS.chords, BANDS.bars, BANDS.tempo, RULER]) brush.fillRect(0, y - 1, width, 1);
};

const STEPS = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600]; // seconds

const seconds = (brush: Brush, width: number, palette: Palette): void => {
  const step = STEPS.find((each) => each * zoom.value > 64) ?? 1200;
  for (let at = Math.ceil(Math.max(0, toSeconds(0)) / step) * step; toX(at) < width; at += step) {
    brush.fillStyle = palette.line;
    brush.fillRect(Math.round(toX(at)), BANDS.tempo - 6, 1, 5);
    brush.fillStyle = palette.quiet;
    const text = step < 1 ? at.toFixed(1) : `${Math.floor(at / 60)}:${String(Math.round(at % 60)).padStart(2, "0")}`;
    brush.fillText(text, toX(at) + 4, BANDS.tempo - 7);
  }
};

/** Sections as bands with their names, markers as flags. */
const places = (brush: Brush, palette: Palette): void => {
  const map = tempoMap.value;
  for (const { id, name, color, beat, length } of sections.value) {
    const [from, to] = [toX(map.seconds(beat)), toX(map.seconds(beat + length))];
    brush.fillStyle = colourOf(color, id);
    brush.globalAlpha = 0.35;
    brush.fillRect(from, 0, Math.max(1, to - from - 1), BANDS.chords - 2);
    brush.globalAlpha = 1;
    written(brush, name, Math.max(0, from) + 6, to - 4, BANDS.chords / 2, palette);
  }
  for (const { id, name, color, beat } of markers.value) {
    const x = toX(map.seconds(beat));
    brush.fillStyle = colourOf(color, id);
    brush.beginPath();
    brush.moveTo(x, 0);
    brush.lineTo(x + 8, 6);
    brush.lineTo(x, 12);
    brush.fill();
    brush.fillRect(x, 0, 1, RULER);
    written(brush, name, x + 12, x + 160, BANDS.chords / 2, palette);
  }
};

/** Each chord until the next one, or as long as it lasts. */
const harmony = (brush: Brush, width: number, palette: Palette): void => {
  const map = tempoMap.value;
  const middle = (BANDS.chords + BANDS.bars) / 2;
  chords.value.forEach(({ id, symbol, beat, length }, index) => {
    const from = toX(map.seconds(beat));
    const next = length === null ? chords.value[index + 1]?.beat : beat + length;
    const to = next === undefined ? width : toX(map.seconds(next));
    if (to < 0 || from > width) return;
    brush.globalAlpha = 0.2;
    brush.fillStyle = colourOf(null, symbol[0] ?? id);
    brush.fillRect(from, BANDS.chords, Math.max(1, to - from - 1), BANDS.bars - BANDS.chords - 1);
    brush.globalAlpha = 1;
    written(brush, symbol, from + 4, to, middle, palette);
  });
};

const tempi = (brush: Brush, width: number, palette: Palette): void => {
  const map = tempoMap.value;
  const middle = (BANDS.tempo + RULER) / 2;
  const metres = timeSignatureEvents.value.map(({ bar, timeSignature }) => ({
    beat: map.beatOfBar(bar),
    text: timeSignature,
  }));
  if (metres[0]?.beat !== 0) metres.unshift({ beat: 0, text: project.value?.timeSignature ?? "" });
  brush.fillStyle = palette.quiet;
  for (const { beat, text } of metres) {
    const x = toX(map.seconds(beat));
    if (x > -METRE && x < width) brush.fillText(text, x + 4, middle);
  }
  const tempos = tempoEvents.value.map(({ beat, bpm, curve }) => ({ beat, bpm, curve }));
  if (tempos[0]?.beat !== 0) tempos.unshift({ beat: 0, bpm: map.bpm(0), curve: "jump" });
  tempos.forEach(({ beat, bpm, curve }, index) => {
    const x = toX(map.seconds(beat)) + (metreAt(beat) ? METRE : 0);
    const next = tempos[index + 1];
    if (curve === "linear" && next) {
      const to = toX(map.seconds(next.beat));
      brush.strokeStyle = palette.accent;
      brush.lineWidth = 1;
      brush.beginPath();
      brush.moveTo(x, next.bpm > bpm ? RULER - 3 : BANDS.tempo + 2);
      brush.lineTo(to, next.bpm > bpm ? BANDS.tempo + 2 : RULER - 3);
      brush.stroke();
    }
    brush.fillStyle = index > 0 || tempoEvents.value[0]?.beat === 0 ? palette.text : palette.quiet;
    if (x > -64 && x < width) brush.fillText(`♩ ${Math.round(bpm * 100) / 100}`, x + 4, middle);
  });
};

const written = (brush: Brush, text: string, from: number, to: number, y: number, palette: Palette): void => {
  if (to - from < 12) return;
  brush.fillStyle = palette.text;
  brush.fillText(fitted(brush, text, to - from), from, y);
};
