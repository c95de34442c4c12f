import { ShortTermLoudness } from "./k-weighting";

/** Runs in the audio thread: hears what the speakers get, and tells how loud it is ten times a second. */
class Loudness extends AudioWorkletProcessor {
  private readonly meter = new ShortTermLoudness(sampleRate);

  process([input]: Float32Array[][]): boolean {
    const told = input ? this.meter.take(input) : null;
    if (told !== null) this.port.postMessage(told);
    return true;
  }
}

registerProcessor("loudness", Loudness);
