import type { Track } from "../project/entities";
import { Rack } from "./devices/rack";
import { glide, Pan } from "./pan";

const QUIET = -100; // dB that a meter shows for silence

/**
 * One strip of the mixer: `input` -> devices (`rack`) -> mute -> `pre` (folded where the track is mono) -> fader ->
 * `post` -> pan -> `output`, with a meter. Sends leave at `pre` or `post`; a muted track's sends are silent too. Who
 * listens to a track hears what leaves its rack.
 */
export class Channel {
  readonly input: GainNode;
  readonly rack: Rack;
  readonly pre: GainNode;
  readonly post: GainNode;
  readonly output: AudioNode;
  readonly mute: GainNode;
  readonly pan: Pan;
  private late = 0; // frames
  private hold: DelayNode | null = null;
  private readonly analyser: AnalyserNode;
  private readonly window: Float32Array<ArrayBuffer>;

  constructor(private readonly audio: BaseAudioContext) {
    const node = () => new GainNode(audio, { channelCount: 2, channelCountMode: "explicit" });
    this.input = node();
    this.mute = node();
    this.pre = node();
    this.post = node();
    this.pan = new Pan(audio);
    this.output = this.pan.output;
    this.rack = new Rack(audio);
    this.input.connect(this.rack.input);
    this.rack.output.connect(this.mute).connect(this.pre);
    this.reconnect();
    this.analyser = new AnalyserNode(audio, { fftSize: 2048 });
    this.output.connect(this.analyser);
    this.window = new Float32Array(this.analyser.fftSize);
  }

  /** `audible`: neither muted nor silenced by another track's solo. */
  set({ volume, pan, channels }: Pick<Track, "volume" | "pan" | "channels">, audible: boolean): void {
    glide(this.audio, this.mute.gain, audible ? 1 : 0);
    glide(this.audio, this.post.gain, volume);
    this.pan.set(pan, this.audio);
    // Down-mixing to one channel is half of both sides, and one channel plays on both ("speakers", Web Audio API).
    this.pre.channelCount = channels === "mono" ? 1 : 2;
  }

  /** Holds back what leaves the devices, so that it meets what comes through slower ones. */
  wait(frames: number): void {
    if (frames === this.late) return;
    this.late = frames;
    this.rack.output.disconnect(this.hold ?? this.mute);
    this.hold?.disconnect();
    const delayTime = frames / this.audio.sampleRate;
    this.hold = frames ? new DelayNode(this.audio, { maxDelayTime: delayTime, delayTime, channelCount: 2 }) : null;
    if (this.hold) this.rack.output.connect(this.hold).connect(this.mute);
    else this.rack.output.connect(this.mute);
  }

  /** From `pre` on to the pan, without sends. */
  reconnect(): void {
    this.pre.disconnect();
    this.post.disconnect();
    this.pre.connect(this.post).connect(this.pan.input);
  }

  /** Leads the sound somewhere else. */
  to(destination: AudioNode): void {
    this.output.disconnect();
    this.output.connect(this.analyser);
    this.output.connect(destination);
  }

  /** The highest sample of the last 50 ms, in dB of full scale. */
  peak(): number {
    this.analyser.getFloatTimeDomainData(this.window);
    let highest = 0;
    for (const sample of this.window) highest = Math.max(highest, Math.abs(sample));
    return highest > 0 ? 20 * Math.log10(highest) : QUIET;
  }

  close(): void {
    this.input.disconnect();
    this.output.disconnect();
  }
}
