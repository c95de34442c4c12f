import { openTakes } from "../arrangement/layout";
import { newTrack, upload } from "../arrangement/upload";
import { create, createClip } from "../project/edits";
import type { Clip } from "../project/entities";
import { clipsByTrack, tracks } from "../project/store";
import { selectedClips, selectedTrack } from "../view";

/** In seconds of the project. */
interface Stretch {
  from: number;
  to: number;
}

/** What was recorded: its first sample belongs to `from`, and in a loop it goes `round` and round. */
interface Recorded {
  audioFileId: string;
  from: number;
  length: number;
  trackId: string;
  gesture: string; // all that comes of it is one step to undo
}

const SHORTEST = 0.1; // seconds of a clip or a take that is worth to be kept

/** Uploads what was recorded and lays it down: as takes of the clips that are there, else as a clip. */
export const placeRecording = async (
  file: File,
  from: number,
  trackId: string | undefined,
  round: Stretch | null,
): Promise<void> => {
  const { id: audioFileId, duration } = await upload(file);
  const there = tracks.value.some(({ id, trackType }) => id === trackId && trackType === "AUDIO");
  const track = there ? trackId : await newTrack("Recording");
  if (!track) return;
  const recorded = { audioFileId, from, length: duration ?? 1, trackId: track, gesture: crypto.randomUUID() };
  const clips =
    round && from + recorded.length > round.to + SHORTEST ? await passes(recorded, round) : await over(recorded);
  selectedTrack.value = track;
  selectedClips.value = new Set(clips);
};

/** Each time round is a take of one clip; the newest is heard, as far as it goes. */
const passes = async (recorded: Recorded, round: Stretch): Promise<string[]> => {
  const { audioFileId, from, length, trackId, gesture } = recorded;
  const around = round.to - round.from;
  const first = round.to - from; // seconds until it goes round for the first time
  const later = Math.max(1, Math.ceil((length - first - SHORTEST) / around));
  // The clip plays the first time that is as long as the loop, where there is one.
  const base = length - first >= around - SHORTEST ? 1 : 0;
  const startTime = base ? round.from : from;
  const offset = base ? first : 0;
  const lasts = base ? Math.min(around, length - first) : first;
  const clip = await clipOf(recorded, { startTime, offset, duration: lasts });
  if (!clip) return [];
  const placed = (seconds: number) => offset + Math.min(lasts, Math.max(0, seconds - startTime));
  const ends = placed(round.from + Math.min(around, length - first - (later - 1) * around));
  for (let pass = 0; pass <= later; pass++) {
    if (pass === base) continue;
    const newest = pass === later ? [{ start: placed(round.from), end: ends }] : [];
    const before = pass === later - 1 && ends < offset + lasts - SHORTEST ? [{ start: ends, end: offset + lasts }] : [];
    const ranges = [...newest, ...before].filter(({ start, end }) => end - start > SHORTEST);
    const take = { clipId: clip, audioFileId, shift: (pass - base) * around, name: `Take ${pass + 1}`, ranges };
    await create("take", take, {}, { gesture });
  }
  openTakes.value = new Set([...openTakes.value, trackId]);
  return [clip];
};

/** Over clips it is a take of each, where they lie; beside them it becomes clips. */
const over = async (recorded: Recorded): Promise<string[]> => {
  const { audioFileId, from, length, trackId, gesture } = recorded;
  const to = from + length;
  const there = (clipsByTrack.peek().get(trackId) ?? []).filter((clip) => overlap(clip, { from, to }) > SHORTEST);
  const made: string[] = [];
  let at = from;
  for (const clip of there) {
    const [begins, ends] = [Math.max(from, clip.startTime), Math.min(to, clip.startTime + clip.duration)];
    if (begins - at > SHORTEST) made.push((await clipOf(recorded, part(recorded, at, begins))) ?? "");
    at = Math.max(at, ends);
    if (!clip.audioFileId || clip.stretch) continue; // what follows the tempo has no seconds of its own
    const origin = clip.startTime - clip.offset;
    const ranges = [{ start: begins - origin, end: ends - origin }];
    await create("take", { clipId: clip.id, audioFileId, shift: origin - from, name: "Take", ranges }, {}, { gesture });
    made.push(clip.id);
  }
  if (to - at > SHORTEST || made.length === 0) made.push((await clipOf(recorded, part(recorded, at, to))) ?? "");
  if (there.length > 0) openTakes.value = new Set([...openTakes.value, trackId]);
  return made.filter(Boolean);
};

const overlap = ({ startTime, duration }: Clip, { from, to }: Stretch): number =>
  Math.min(to, startTime + duration) - Math.max(from, startTime);

const part = ({ from }: Recorded, begins: number, ends: number): Place => ({
  startTime: begins,
  offset: begins - from,
  duration: ends - begins,
});

type Place = Pick<Clip, "startTime" | "offset" | "duration">;

const clipOf = async ({ audioFileId, trackId, gesture }: Recorded, place: Place): Promise<string | undefined> => {
  const answer = await createClip({ trackId, audioFileId, ...place }, { gesture });
  return (answer.clip as { id: string } | undefined)?.id;
};
