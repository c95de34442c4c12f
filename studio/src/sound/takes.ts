import type { Clip, Take } from "../project/entities";

/** A part of a clip, in seconds from the clip's beginning, and what of which recording it plays. */
export interface Part {
  audioFileId: string;
  start: number;
  duration: number;
  offset: number;
  fadeIn: number;
  fadeOut: number;
  fadeCurve: "equalPower";
  gain: number;
}

const OWN = -1; // the place of the clip's own recording among the takes

/**
 * A clip with takes as the parts that are heard one after another, joined by crossfades of equal power; of takes that
 * want the same stretch the last one gets it (`audio/mixing/take_ranges.py`). Empty when all of it is its own recording.
 */
export const partsOf = (clip: Clip, takes: readonly Take[]): readonly Part[] => {
  const pieces = piecesOf(clip, takes);
  if (pieces.every(({ place }) => place === OWN)) return [];
  const joints = pieces.map(({ begin, end, place }, each) => {
    const before = pieces[each - 1];
    if (!before) return 0;
    const newer = takes[Math.max(place, before.place)] as Take;
    return Math.min(newer.crossfade, before.end - before.begin, end - begin);
  });
  return pieces.flatMap(({ begin, end, place }, each) => {
    const [lead, tail] = [(joints[each] as number) / 2, (joints[each + 1] ?? 0) / 2];
    const take = takes[place];
    const source = begin - lead + (take?.shift ?? 0);
    const late = Math.max(0, -source); // it begins in the middle of its stretch
    const duration = end + tail - (begin - lead) - late;
    const audioFileId = take?.audioFileId ?? clip.audioFileId;
    if (duration <= 0 || !audioFileId) return [];
    const part: Part = {
      audioFileId,
      start: begin - lead - clip.offset + late,
      duration,
      offset: source + late,
      fadeIn: late ? 0 : Math.min(2 * lead, duration),
      fadeOut: Math.min(2 * tail, duration),
      fadeCurve: "equalPower",
      gain: take?.gain ?? 0,
    };
    return [part];
  });
};

interface Piece {
  begin: number; // seconds of the clip's own recording
  end: number;
  place: number;
}

/** Without gaps. */
const piecesOf = ({ offset, duration }: Clip, takes: readonly Take[]): Piece[] => {
  const [first, last] = [offset, offset + duration];
  const borders = takes.flatMap(({ ranges }) => ranges.flatMap(({ start, end }) => [start, end]));
  const inner = [...new Set(borders)].filter((border) => border > first && border < last);
  const lines = [first, ...inner.sort((one, other) => one - other), last];
  const found: Piece[] = [];
  for (let each = 0; each < lines.length - 1; each++) {
    const [begin, end] = [lines[each] as number, lines[each + 1] as number];
    const middle = (begin + end) / 2;
    const place = takes.findLastIndex(({ ranges }) => ranges.some(({ start, end }) => start < middle && middle < end));
    const before = found.at(-1);
    if (before?.place === place) before.end = end;
    else found.push({ begin, end, place });
  }
  return found;
};
