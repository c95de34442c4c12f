import { automations, clips, devices, sends, tempoMap, tracks } from "../project/store";
import { Desk } from "./desk";
import { moveKnobs } from "./envelopes";
import { samples } from "./recordings";
import { playRecording } from "./sources";

/** The recordings of the open project as this page plays them, from the beginning on: what the speakers would get. */
export const renderOffline = async (seconds: number, rate: number): Promise<AudioBuffer> => {
  const audio = new OfflineAudioContext(2, Math.ceil(seconds * rate), rate);
  const desk = new Desk(audio);
  desk.follow({
    tracks: tracks.peek(),
    sends: sends.peek(),
    devices: devices.peek(),
    beatSeconds: 60 / tempoMap.peek().bpm(0),
  });
  await desk.ready();
  for (const clip of clips.peek().values()) {
    const input = desk.channel(clip.trackId)?.input;
    if (!input || !clip.audioFileId || clip.startTime >= seconds) continue;
    playRecording(audio, input, clip, await samples(clip.audioFileId), { at: clip.startTime, from: 0 });
  }
  moveKnobs(desk, automations.peek(), tempoMap.peek(), [0, seconds], (at) => at);
  return audio.startRendering();
};
