import { RATE } from "./microphone";

/** Plays an answer piece by piece, and knows how much of which item has been heard. */
export class Speaker {
  private readonly sources = new Set<AudioBufferSourceNode>();
  private ends = 0; // on the context's clock
  private item = "";
  private begun = 0;

  constructor(private readonly audio: AudioContext) {}

  /** 16-bit samples in base64. */
  play(base64: string, itemId: string): void {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
    const buffer = this.audio.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.audio, { buffer });
    source.connect(this.audio.destination);
    const at = Math.max(this.ends, this.audio.currentTime + 0.02);
    if (itemId !== this.item) {
      this.item = itemId;
      this.begun = at;
    }
    source.start(at);
    this.ends = at + buffer.duration;
    this.sources.add(source);
    source.onended = () => this.sources.delete(source);
  }

  /** What of the newest item has been heard; null while nothing plays. */
  heard(): { itemId: string; playedMs: number } | null {
    if (this.sources.size === 0) return null;
    const until = Math.min(this.audio.currentTime, this.ends);
    return { itemId: this.item, playedMs: Math.max(0, Math.round((until - this.begun) * 1000)) };
  }

  flush(): void {
    for (const source of this.sources) source.stop();
    this.sources.clear();
    this.ends = 0;
  }
}
