import type { Block } from "../recording/worklet";
import worklet from "../recording/worklet.ts?worker&url";

export const RATE = 24_000; // Hz, of what is sent and of what comes
const FRAMES = 2400; // in one packet: a tenth of a second

/** The microphone as packets of 16-bit samples, until it is stopped. */
export const openMicrophone = async (
  audio: AudioContext,
  send: (packet: ArrayBuffer, peak: number) => void,
): Promise<() => void> => {
  // The answer plays through the speakers, so here the browser's echo cancellation is wanted.
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
  await audio.audioWorklet.addModule(worklet);
  const source = audio.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(audio, "recorder", { numberOfOutputs: 0, channelCount: 1 });
  let packet = new Int16Array(FRAMES);
  let filled = 0;
  let peak = 0;
  node.port.onmessage = ({ data }: MessageEvent<Block>) => {
    for (const sample of data.samples) {
      const clipped = Math.max(-1, Math.min(1, sample));
      peak = Math.max(peak, Math.abs(clipped));
      packet[filled++] = Math.round(clipped * 32767);
      if (filled < FRAMES) continue;
      send(packet.buffer, peak);
      packet = new Int16Array(FRAMES);
      filled = 0;
      peak = 0;
    }
  };
  source.connect(node);
  return () => {
    source.disconnect();
    node.port.close();
    for (const track of stream.getTracks()) track.stop();
  };
};
