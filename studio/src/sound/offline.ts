import { automations, clips, devices, sends, takesByClip, tempoMap, tracks } from "../project/store";
import { Desk } from "./desk";
import { moveKnobs } from "./envelopes";
import { samples } from "./recordings";
import { playClip } from "./sources";

/** The recordings of the open project as this page plays them, from the beginning on: what the speakers would get. */
export const renderOffline = async (seconds: number, rate: number): Promise<AudioBuffer> => {
  const most = rate; // frames of latency that can be cut off
  const frames = Math.ceil(seconds * rate);
  const audio = new OfflineAudioContext(2, frames + most, rate);
  const desk = new Desk(audio);
  desk.follow({
    tracks: tracks.peek(),
    sends: sends.peek(),
    devices: devices.peek(),
    beatSeconds: 60 / tempoMap.peek().bpm(0),
  });
  await desk.ready();
  const decoded = new Map<string, AudioBuffer>();
  const wanted = [...clips.peek().values(), ...[...takesByClip.peek().values()].flat()];
  for (const { audioFileId } of wanted) if (audioFileId) decoded.set(audioFileId, await samples(audioFileId));
  for (const clip of clips.peek().values()) {
    const input = desk.channel(clip.trackId)?.input;
    if (!input || !clip.audioFileId || clip.startTime >= seconds) continue;
    const takes = takesByClip.peek().get(clip.id) ?? [];
    playClip(audio, input, clip, takes, (id) => decoded.get(id) ?? null, { at: clip.startTime, from: 0 });
  }
  moveKnobs(desk, automations.peek(), tempoMap.peek(), [0, seconds], (at) => at);
  const late = await audio.startRendering();
  const found = new AudioBuffer({ numberOfChannels: 2, length: frames, sampleRate: rate });
  for (const side of [0, 1]) {
    found.copyToChannel(late.getChannelData(side).subarray(desk.latency, desk.latency + frames), side);
  }
  return found;
};
