import { batch } from "@preact/signals";
import type { Operation } from "../project/document";
import { compTakes, remove } from "../project/edits";
import type { Clip, Take } from "../project/entities";
import { mayEdit, preview, takesByClip } from "../project/store";
import { type Gesture, pointOf } from "../ui/canvas";
import { showMenu } from "../ui/menu";
import { zoom } from "../view";
import { fitted, waveform } from "./clip-drawing";
import { toSeconds, toX } from "./geometry";
import { clipsWithin, LANE, type TakeRow, yOf } from "./layout";
import { colourOf, type Palette } from "./palette";

const SLOP = 3; // pixels

/** Where the clip's own recording began, in seconds of the project: its ranges count from there. */
const originOf = ({ startTime, offset }: Clip): number => startTime - offset;

/** The takes of the clips in sight; what is not chosen of them is pale. */
export const drawTakes = (brush: CanvasRenderingContext2D, lane: TakeRow, width: number, palette: Palette): void => {
  const y = yOf(lane);
  brush.fillStyle = palette.shade;
  brush.fillRect(0, y, width, LANE - 1);
  brush.fillStyle = palette.line;
  brush.fillRect(0, y + LANE - 1, width, 1);
  for (const clip of clipsWithin(lane.track.id, toSeconds(0), toSeconds(width))) {
    const take = takesByClip.value.get(clip.id)?.[lane.take];
    if (take) drawTake(brush, clip, take, lane, width, palette);
  }
};

const drawTake = (
  brush: CanvasRenderingContext2D,
  clip: Clip,
  take: Take,
  lane: TakeRow,
  width: number,
  palette: Palette,
): void => {
  const y = yOf(lane) + 2;
  const colour = colourOf(clip.color ?? lane.track.color, lane.track.id);
  const [from, to] = [Math.max(0, toX(clip.startTime)), Math.min(width, toX(clip.startTime + clip.duration))];
  const { audioFileId, gain } = take;
  const heard = { audioFileId, gain, offset: clip.offset + take.shift, duration: clip.duration };
  const inside = { x: toX(clip.startTime), y, duration: clip.duration, height: LANE - 5 };
  const shape = () => waveform(brush, heard, inside, { from, to, zoom: zoom.value }, colour);
  brush.globalAlpha = 0.3;
  shape();
  for (const { start, end } of take.ranges) {
    const [begins, ends] = [Math.max(from, toX(originOf(clip) + start)), Math.min(to, toX(originOf(clip) + end))];
    if (ends <= begins) continue;
    brush.globalAlpha = 0.22;
    brush.fillStyle = colour;
    brush.fillRect(begins, y, ends - begins, LANE - 5);
    brush.save();
    brush.beginPath();
    brush.rect(begins, y, ends - begins, LANE - 5);
    brush.clip();
    brush.globalAlpha = 1;
    shape();
    brush.restore();
  }
  brush.globalAlpha = 1;
  brush.fillStyle = palette.text;
  brush.font = palette.small;
  brush.textBaseline = "middle";
  brush.fillText(fitted(brush, take.name ?? "", to - from - 8), from + 6, y + 8);
};

const takeAt = (lane: TakeRow, seconds: number): { clip: Clip; take: Take } | null => {
  const clip = clipsWithin(lane.track.id, seconds, seconds + 1e-6).at(-1);
  const take = takesByClip.value.get(clip?.id ?? "")?.[lane.take];
  return clip && take ? { clip, take } : null;
};

type Stretch = { start: number; end: number };

const without = (ranges: readonly Stretch[], { start, end }: Stretch): Stretch[] =>
  ranges
    .flatMap((each) => [
      { start: each.start, end: Math.min(each.end, start) },
      { start: Math.max(each.start, end), end: each.end },
    ])
    .filter((each) => each.end - each.start > 1e-6);

/** The stretches of all takes of a clip when one of them is heard in `chosen`, or in none of it. */
const comp = (clip: Clip, take: Take, chosen: Stretch, on: boolean): ReadonlyMap<string, Stretch[]> =>
  new Map(
    (takesByClip.value.get(clip.id) ?? []).map(({ id, ranges }) => {
      const rest = without(ranges, chosen);
      return [id, id === take.id && on ? [...rest, chosen] : rest];
    }),
  );

const store = (clip: Clip, ranges: ReadonlyMap<string, Stretch[]>): void => {
  const told = [...ranges].flatMap(([takeId, list]) => list.map((each) => ({ takeId, ...each })));
  void compTakes(clip.id, told);
};

/** A drag lets a take be heard where the pointer passes; a click on what is heard of it takes that away. */
export const chooseTake = (event: PointerEvent, lane: TakeRow): Gesture | null => {
  const { x } = pointOf(event);
  const begun = toSeconds(x);
  const found = takeAt(lane, begun);
  if (!found || !mayEdit.value) return null;
  const { clip, take } = found;
  const [first, last] = [clip.offset, clip.offset + clip.duration];
  const placed = (seconds: number) => Math.min(last, Math.max(first, seconds - originOf(clip)));
  let chosen: ReadonlyMap<string, Stretch[]> | null = null;
  return {
    scrolls: true,
    move: (now) => {
      if (!chosen && Math.abs(now.x - x) < SLOP) return;
      const [one, other] = [placed(begun), placed(toSeconds(now.x))];
      if (one === other) return;
      chosen = comp(clip, take, { start: Math.min(one, other), end: Math.max(one, other) }, true);
      preview.value = [...chosen].map(
        ([id, ranges]): Operation => ({ kind: "update", entity: "take", entityId: id, changes: { ranges } }),
      );
    },
    end: (cancelled) =>
      batch(() => {
        preview.value = [];
        if (cancelled) return;
        const at = placed(begun);
        const under = take.ranges.find(({ start, end }) => at >= start && at < end);
        if (chosen) store(clip, chosen);
        else if (under) store(clip, comp(clip, take, under, false));
      }),
  };
};

export const takeMenu = (event: MouseEvent, lane: TakeRow): void => {
  const found = takeAt(lane, toSeconds(pointOf(event).x));
  if (!found) return;
  const { clip, take } = found;
  const whole = { start: clip.offset, end: clip.offset + clip.duration };
  const off = !mayEdit.value;
  showMenu(take.name ?? "Take", event.clientX, event.clientY, [
    { words: "Hear all of this take", off, run: () => store(clip, comp(clip, take, whole, true)) },
    { words: "Hear nothing of it", off, run: () => store(clip, comp(clip, take, whole, false)) },
    { words: "Delete this take", off, apart: true, run: () => void remove("take", take.id) },
  ]);
};
