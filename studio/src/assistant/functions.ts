import { tempoMap } from "../project/store";
import * as recorder from "../recording/recorder";
import { player } from "../sound/player";

type Arguments = Record<string, unknown>;

/** What the assistants ask this page to do, since only it can: to play, to move the playhead, to record. */
const functions: Record<string, (given: Arguments) => unknown> = {
  playProject: async ({ fromStart }) => {
    if (fromStart) player.seek(0);
    if (!player.playing.value) await player.play();
    return where();
  },
  stopPlayback: () => {
    player.stop();
    return where();
  },
  startRecording: () => {
    if (recorder.state.value === "idle") recorder.toggle();
    return { recording: true, track: recorder.target.value?.name ?? "a new track" };
  },
  stopRecording: () => {
    if (recorder.state.value !== "idle") recorder.toggle();
    return { recording: false };
  },
};

const where = () => {
  const { bar, beat } = tempoMap.value.position(tempoMap.value.beat(player.position.value));
  return { isPlaying: player.playing.value, position: `${bar}.${beat}` };
};

/** What a `function-call` comes to, as `function-result` tells it. */
export const runHere = async (name: string, given: unknown): Promise<{ output: unknown; isError: boolean }> => {
  const run = functions[name];
  if (!run) return { output: `This page does not know ${name}.`, isError: true };
  try {
    const parsed = typeof given === "string" ? (JSON.parse(given || "{}") as Arguments) : (given as Arguments);
    return { output: await run(parsed ?? {}), isError: false };
  } catch (error) {
    return { output: (error as Error).message, isError: true };
  }
};
