import type { TempoMap } from "../time/tempo-map";

const LENGTH = 0.05; // seconds
const BAR = 1760; // Hz
const BEAT = 1320;

/** Clicks on the beats of the metre, the first of a bar higher. */
export class Metronome {
  private readonly sounding = new Set<OscillatorNode>();

  constructor(private readonly audio: BaseAudioContext) {}

  /** Between two moments of the document, in seconds; `clock` says when they are on the context's clock. */
  schedule(map: TempoMap, from: number, to: number, clock: (seconds: number) => number): void {
    for (const { beat, length, unit } of map.bars(map.beat(from), map.beat(to))) {
      for (let each = 0; each < length - 1e-9; each += unit) {
        const at = map.seconds(beat + each);
        if (at >= from && at < to) this.click(clock(at), each === 0);
      }
    }
  }

  /** `at` is on the context's clock. */
  click(at: number, first: boolean): void {
    const tone = new OscillatorNode(this.audio, { frequency: first ? BAR : BEAT });
    const gain = new GainNode(this.audio, { gain: 0 });
    gain.gain.setValueAtTime(0.4, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + LENGTH);
    tone.connect(gain).connect(this.audio.destination);
    tone.start(at);
    tone.stop(at + LENGTH);
    this.sounding.add(tone);
    tone.onended = () => this.sounding.delete(tone);
  }

  silence(): void {
    for (const tone of this.sounding) tone.disconnect();
    this.sounding.clear();
  }
}
