/** Pictures of what clips contain, drawn once for each zoom in steps, so that scrolling and dragging only copy them. */

const WIDE = 512; // pixels of a tile
const MOST = 96_000_000; // bytes of pictures that are kept
const STEPS = 2; // of zoom, an octave

const known = new Map<string, OffscreenCanvas>(); // the one used last at the end
let kept = 0; // bytes

type Paint = (
  brush: OffscreenCanvasRenderingContext2D,
  from: number,
  to: number,
  perSecond: number,
  height: number,
) => void;

/** The zoom at which tiles are drawn: the present one or a bit more, in pixels per second. */
export const tileZoom = (zoom: number): number => 2 ** (Math.ceil(Math.log2(zoom) * STEPS) / STEPS);

const tile = (
  key: string,
  width: number,
  height: number,
  paint: (brush: OffscreenCanvasRenderingContext2D) => void,
) => {
  const found = known.get(key);
  if (found) {
    known.delete(key);
    known.set(key, found);
    return found;
  }
  const made = new OffscreenCanvas(Math.max(1, Math.ceil(width)), Math.max(1, Math.ceil(height)));
  const brush = made.getContext("2d");
  if (brush) paint(brush);
  known.set(key, made);
  kept += made.width * made.height * 4;
  for (const [oldest, canvas] of known) {
    if (kept <= MOST || oldest === key) break;
    known.delete(oldest);
    kept -= canvas.width * canvas.height * 4;
  }
  return made;
};

/**
 * Copies the part of a clip that is in sight. `what` names the content with everything that it looks like; `paint` draws
 * it between two pixels, counted from the beginning of the clip at `perSecond` pixels a second.
 */
export const drawTiles = (
  brush: CanvasRenderingContext2D,
  what: string,
  clip: { x: number; y: number; duration: number; height: number },
  sight: { from: number; to: number; zoom: number },
  paint: Paint,
): void => {
  const scale = window.devicePixelRatio;
  const perSecond = tileZoom(sight.zoom);
  const shrink = sight.zoom / perSecond;
  const whole = clip.duration * perSecond;
  const first = Math.max(0, Math.floor((sight.from - clip.x) / shrink / WIDE));
  const last = Math.min(Math.ceil(whole / WIDE), Math.ceil((sight.to - clip.x) / shrink / WIDE));
  for (let index = first; index < last; index++) {
    const [from, to] = [index * WIDE, Math.min(whole, (index + 1) * WIDE)];
    if (to - from < 0.5) continue;
    const key = `${what}|${perSecond.toFixed(3)}|${clip.height}|${scale}|${index}|${whole.toFixed(1)}`;
    const picture = tile(key, (to - from) * scale, clip.height * scale, (onto) => {
      onto.scale(scale, scale);
      onto.translate(-from, 0);
      paint(onto, from, to, perSecond, clip.height);
    });
    brush.drawImage(picture, clip.x + from * shrink, clip.y, (to - from) * shrink, clip.height);
  }
};
