import { tempoMap } from "../project/store";
import { envelopeOf, rangeOf, textOf, valueAt } from "./envelopes";
import { toSeconds, toX } from "./geometry";
import { toLaneY } from "./lane-gestures";
import { LANE, type LaneRow, yOf } from "./layout";
import { colourOf, type Palette } from "./palette";

const STEP = 3; // pixels between two values of a curve

/** An envelope with its points; a broken line where there is none yet. */
export const drawLane = (brush: CanvasRenderingContext2D, lane: LaneRow, width: number, palette: Palette): void => {
  const map = tempoMap.value;
  const range = rangeOf(lane.track, lane.target);
  const envelope = envelopeOf(lane.track.id, lane.target);
  const points = envelope?.points ?? [];
  const y = yOf(lane);
  brush.fillStyle = palette.shade;
  brush.fillRect(0, y, width, LANE - 1);
  brush.fillStyle = palette.line;
  brush.fillRect(0, y + LANE - 1, width, 1);
  if (range.low < 0) brush.fillRect(0, Math.round(toLaneY(lane, range, 0)), width, 1);
  const colour = colourOf(lane.track.color, lane.track.id);
  brush.globalAlpha = envelope && !envelope.enabled ? 0.4 : 1;
  brush.strokeStyle = brush.fillStyle = colour;
  brush.lineWidth = 1.5;
  brush.beginPath();
  if (points.length === 0) {
    brush.setLineDash([4, 4]);
    brush.moveTo(0, toLaneY(lane, range, range.rest));
    brush.lineTo(width, toLaneY(lane, range, range.rest));
  } else {
    const corners = new Set(points.map(({ beat }) => toX(map.seconds(beat))));
    const steps = [...corners].flatMap((x) => [x - 0.01, x]).filter((x) => x > 0 && x < width);
    for (let x = 0; x <= width; x += STEP) steps.push(x);
    for (const x of steps.sort((one, other) => one - other)) {
      brush.lineTo(x, toLaneY(lane, range, valueAt(points, map.beat(Math.max(0, toSeconds(x))), map)));
    }
  }
  brush.stroke();
  brush.setLineDash([]);
  for (const { beat, value } of points) {
    const x = toX(map.seconds(beat));
    if (x < -4 || x > width + 4) continue;
    brush.beginPath();
    brush.arc(x, toLaneY(lane, range, value), 3.5, 0, 2 * Math.PI);
    brush.fill();
  }
  brush.globalAlpha = 1;
  brush.fillStyle = palette.quiet;
  brush.font = palette.small;
  brush.textBaseline = "middle";
  const [highest, lowest] = [range.high, range.low].map((value) => textOf(lane.target, value, range.unit));
  brush.fillText(highest ?? "", 4, y + 8);
  brush.fillText(lowest ?? "", 4, y + LANE - 9);
};
