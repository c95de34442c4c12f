import worklet from "./loudness-worklet.ts?worker&url";

/** Tells the short-term loudness of what leaves a node, in LUFS, ten times for each second of its context. */
export const watchLoudness = async (
  audio: BaseAudioContext,
  source: AudioNode,
  tell: (lufs: number) => void,
): Promise<void> => {
  await audio.audioWorklet.addModule(worklet);
  const options = { channelCount: 2, channelCountMode: "explicit", numberOfOutputs: 0 } as const;
  const node = new AudioWorkletNode(audio, "loudness", options);
  node.port.onmessage = ({ data }: MessageEvent<number>) => tell(data);
  source.connect(node);
};
