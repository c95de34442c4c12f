/** The page's one AudioContext: made when the first sound is asked for, since browsers want a gesture before it. */
let known: AudioContext | null = null;

export const context = (): AudioContext => {
  known ??= new AudioContext({ latencyHint: "interactive" });
  return known;
};

export const running = async (): Promise<AudioContext> => {
  const audio = context();
  if (audio.state !== "running") await audio.resume();
  return audio;
};
