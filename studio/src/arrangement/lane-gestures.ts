import { batch } from "@preact/signals";
import { change, create, remove } from "../project/edits";
import { mayEdit, preview, tempoMap } from "../project/store";
import { type Gesture, type Pointer, pointOf } from "../ui/canvas";
import { type MenuItem, showMenu } from "../ui/menu";
import { CURVES, type Curve, envelopeOf, type Point, type Range, rangeOf, titleOf, valueAt } from "./envelopes";
import { snappedBeat, tidy, toSeconds, toX } from "./geometry";
import { LANE, type LaneRow, yOf } from "./layout";

const NEAR = 7; // pixels within which a point is taken hold of
const PAD = 6; // pixels above the highest and below the lowest value

const TWICE = 700; // ms between the presses of a double click, which does not delete what its first one made
let madeAt = Number.NEGATIVE_INFINITY;

/** Between values and pixels from the top of the canvas. */
export const toLaneY = (lane: LaneRow, { low, high }: Range, value: number): number =>
  yOf(lane) + PAD + (1 - (value - low) / (high - low)) * (LANE - 2 * PAD);
const toValue = (lane: LaneRow, { low, high }: Range, y: number): number =>
  Math.min(high, Math.max(low, low + (1 - (y - yOf(lane) - PAD) / (LANE - 2 * PAD)) * (high - low)));

const pointAt = (lane: LaneRow, points: readonly Point[], x: number, y: number): number => {
  const range = rangeOf(lane.track, lane.target);
  return points.findIndex(
    ({ beat, value }) => Math.hypot(toX(tempoMap.value.seconds(beat)) - x, toLaneY(lane, range, value) - y) <= NEAR,
  );
};

const beatAt = (x: number, free: boolean): number =>
  tidy(snappedBeat(tempoMap.value.beat(Math.max(0, toSeconds(x))), free));

/** Values of switches are one of two. */
const heldTo = (lane: LaneRow, range: Range, y: number): number => {
  const value = toValue(lane, range, y);
  return lane.target.target === "mute" ? Math.round(value) : Number(value.toPrecision(6));
};

/** A press on a lane: a point is moved, or made; with Shift a line is drawn as the pointer goes. */
export const beginLane = (event: PointerEvent, lane: LaneRow): Gesture | null => {
  if (!mayEdit.value) return null;
  const { x, y, altKey, shiftKey } = pointOf(event);
  const envelope = envelopeOf(lane.track.id, lane.target);
  const before = envelope?.points ?? [];
  if (shiftKey) return drawn(lane, before);
  const held = pointAt(lane, before, x, y);
  const others = before.filter((_, index) => index !== held);
  const old = before[held];
  const range = rangeOf(lane.track, lane.target);
  let after = before;
  const put = (now: Pointer) => {
    const point: Point = {
      beat: beatAt(now.x, now.altKey),
      value: heldTo(lane, range, now.y),
      curve: old?.curve ?? (lane.target.target === "mute" ? "hold" : "linear"),
    };
    after = sorted([...others, point]);
    show(lane, after);
  };
  if (!old) {
    madeAt = event.timeStamp;
    put({ x, y, altKey, shiftKey });
  }
  return { scrolls: true, move: put, end: (cancelled) => finish(lane, before, after, cancelled) };
};

/** Draws points where the pointer passes, in place of those that were there. */
const drawn = (lane: LaneRow, before: readonly Point[]): Gesture => {
  const range = rangeOf(lane.track, lane.target);
  const made = new Map<number, Point>();
  let after = before;
  return {
    scrolls: true,
    move: (now) => {
      const beat = beatAt(now.x, now.altKey);
      made.set(beat, { beat, value: heldTo(lane, range, now.y), curve: "linear" });
      const [from, to] = [Math.min(...made.keys()), Math.max(...made.keys())];
      after = sorted([...before.filter((point) => point.beat < from || point.beat > to), ...made.values()]);
      show(lane, after);
    },
    end: (cancelled) => finish(lane, before, after, cancelled),
  };
};

const sorted = (points: Point[]): Point[] => points.sort((one, other) => one.beat - other.beat);

const NEW = "new-envelope"; // the id of one that is only shown so far

const show = (lane: LaneRow, points: readonly Point[]): void => {
  const envelope = envelopeOf(lane.track.id, lane.target);
  const changes = envelope ? { points } : { ...lane.target, trackId: lane.track.id, enabled: true, points };
  preview.value = [
    {
      kind: envelope && envelope.id !== NEW ? "update" : "create",
      entity: "automation",
      entityId: envelope?.id ?? NEW,
      changes,
    },
  ];
};

const finish = (lane: LaneRow, before: readonly Point[], after: readonly Point[], cancelled: boolean): void =>
  batch(() => {
    preview.value = [];
    if (!cancelled && after !== before) store(lane, after);
  });

const store = (lane: LaneRow, points: readonly Point[]): void => {
  const envelope = envelopeOf(lane.track.id, lane.target);
  if (!envelope)
    void create("automation", { ...lane.target, trackId: lane.track.id, enabled: true, points: [...points] });
  else if (points.length === 0) void remove("automation", envelope.id);
  else void change("automation", envelope.id, { points: [...points] });
};

/** What a lane offers under the pointer: the curve from a point on, its deletion, and the envelope as a whole. */
export const laneMenu = (event: MouseEvent, lane: LaneRow): void => {
  const { x, y } = pointOf(event);
  const envelope = envelopeOf(lane.track.id, lane.target);
  const points = envelope?.points ?? [];
  const held = pointAt(lane, points, x, y);
  const beat = tempoMap.value.beat(Math.max(0, toSeconds(x)));
  const index = held >= 0 ? held : points.findLastIndex((point) => point.beat <= beat);
  const off = !mayEdit.value;
  const curves = (Object.entries(CURVES) as [Curve, { words: string }][]).map(
    ([curve, { words }]): MenuItem => ({
      words,
      off: off || index < 0,
      on: (points[index]?.curve ?? "linear") === curve && index >= 0,
      run: () =>
        store(
          lane,
          points.map((point, each) => (each === index ? { ...point, curve } : point)),
        ),
    }),
  );
  const value = points.length > 0 ? valueAt(points, beat, tempoMap.value) : rangeOf(lane.track, lane.target).rest;
  showMenu(titleOf(lane.target), event.clientX, event.clientY, [
    {
      words: "Add a point",
      off: off || held >= 0,
      run: () => store(lane, sorted([...points, { beat: beatAt(x, event.altKey), value, curve: "linear" }])),
    },
    {
      words: "Delete this point",
      off: off || held < 0,
      run: () =>
        store(
          lane,
          points.filter((_, each) => each !== held),
        ),
    },
    ...curves.map((item, each) => ({ ...item, apart: each === 0 })),
    {
      words: envelope?.enabled === false ? "Hear this envelope" : "Do not hear this envelope",
      off: off || !envelope,
      apart: true,
      run: () => envelope && void change("automation", envelope.id, { enabled: !envelope.enabled }),
    },
    {
      words: "Delete this envelope",
      off: off || !envelope,
      run: () => envelope && void remove("automation", envelope.id),
    },
  ]);
};

/** A double click on a point takes it away. */
export const openLane = (event: MouseEvent, lane: LaneRow): void => {
  const points = envelopeOf(lane.track.id, lane.target)?.points ?? [];
  const { x, y } = pointOf(event);
  const held = pointAt(lane, points, x, y);
  if (event.timeStamp - madeAt > TWICE && mayEdit.value && held >= 0)
    store(
      lane,
      points.filter((_, index) => index !== held),
    );
};
