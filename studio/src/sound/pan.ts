/**
 * The server's pan (`audio/mixing/routing.py`): left × √2 cos, right × √2 sin of (pan + 1) × 45°, so that what is in the
 * middle passes untouched. A StereoPannerNode would mix the sides of a stereo recording.
 */
export class Pan {
  readonly input: ChannelSplitterNode;
  readonly output: ChannelMergerNode;
  readonly sides: readonly [GainNode, GainNode];

  constructor(audio: BaseAudioContext) {
    this.input = new ChannelSplitterNode(audio, { numberOfOutputs: 2 });
    this.output = new ChannelMergerNode(audio, { numberOfInputs: 2 });
    this.sides = [new GainNode(audio), new GainNode(audio)];
    for (const side of [0, 1] as const) this.input.connect(this.sides[side], side).connect(this.output, 0, side);
  }

  set(pan: number, audio: BaseAudioContext): void {
    glide(audio, this.sides[0].gain, panGain(pan, 0));
    glide(audio, this.sides[1].gain, panGain(pan, 1));
  }
}

/** Of the left (0) or the right (1) side. */
export const panGain = (pan: number, side: 0 | 1): number => {
  const angle = ((Math.min(1, Math.max(-1, pan)) + 1) * Math.PI) / 4;
  return Math.SQRT2 * (side === 0 ? Math.cos(angle) : Math.sin(angle));
};

const GLIDE = 0.01; // seconds in which what jumps gets there, so that nothing clicks

/** Sets a parameter without a click; at once where nothing sounds yet. */
export const glide = (audio: BaseAudioContext, parameter: AudioParam, value: number): void => {
  const now = audio.currentTime;
  if (now === 0 || audio.state !== "running") parameter.value = value;
  else parameter.setTargetAtTime(value, now, GLIDE / 3);
};
