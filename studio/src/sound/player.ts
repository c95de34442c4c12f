import { effect, signal, untracked } from "@preact/signals";
import type { Clip } from "../project/entities";
import { clips, end, loop, looping, sends, tempoMap, tracks } from "../project/store";
import { context, running } from "./context";
import { Desk } from "./desk";
import { Metronome } from "./metronome";
import { playNotes } from "./notes";
import { decodedCount, samplesNow } from "./recordings";
import { playRecording } from "./sources";

const AHEAD = 0.25; // seconds for which sound is scheduled
const EVERY = 50; // ms between two looks ahead
const START = 0.06; // seconds from the press of a button to the first sound

/** The document as it sounds. Positions are seconds from its beginning; they move with every frame. */
class Player {
  readonly playing = signal(false);
  readonly position = signal(0);
  readonly metronome = signal(false);
  private desk: Desk | null = null;
  private click: Metronome | null = null;
  private readonly sounding = new Map<string, { stop: () => void; clip: Clip }>();
  private startedAt = 0; // on the context's clock, where `startedFrom` sounds
  private startedFrom = 0;
  private scheduledTo = 0; // seconds of the document
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    effect(() => {
      const [present, sent] = [tracks.value, sends.value];
      this.desk?.follow(present, sent);
    });
    effect(() => {
      const known = clips.value;
      decodedCount.value;
      untracked(() => this.playing.value && this.reconsider(known));
    });
    effect(() => {
      // A recording that is on the page soon is wanted soon.
      for (const { audioFileId } of clips.value.values()) if (audioFileId && this.desk) samplesNow(audioFileId);
    });
  }

  get mixer(): Desk {
    if (!this.desk) {
      this.desk = new Desk(context());
      this.desk.follow(tracks.peek(), sends.peek());
      for (const { audioFileId } of clips.peek().values()) if (audioFileId) samplesNow(audioFileId);
    }
    return this.desk;
  }

  async toggle(): Promise<void> {
    if (this.playing.value) this.stop();
    else await this.play();
  }

  async play(): Promise<void> {
    const audio = await running();
    this.click ??= new Metronome(audio);
    void this.mixer;
    if (looping.value && loop.value && this.position.value >= loop.value.to) this.position.value = loop.value.from;
    this.begin(this.position.value);
    this.playing.value = true;
    this.timer ??= setInterval(() => this.lookAhead(), EVERY);
    requestAnimationFrame(() => this.follow());
  }

  stop(): void {
    if (this.playing.value) this.position.value = this.now();
    this.playing.value = false;
    clearInterval(this.timer);
    this.timer = undefined;
    this.silence();
  }

  seek(seconds: number): void {
    this.position.value = Math.max(0, seconds);
    if (this.playing.value) this.begin(this.position.value);
  }

  /** Where the document is heard at this moment. */
  now(): number {
    if (!this.playing.value) return this.position.value;
    return Math.max(this.startedFrom, this.startedFrom + context().currentTime - this.startedAt);
  }

  private begin(from: number): void {
    this.silence();
    this.startedAt = context().currentTime + START;
    this.startedFrom = this.scheduledTo = from;
    this.lookAhead();
  }

  private silence(): void {
    for (const { stop } of this.sounding.values()) stop();
    this.sounding.clear();
    this.click?.silence();
  }

  private follow(): void {
    if (!this.playing.value) return;
    const now = this.now();
    const region = looping.peek() ? loop.peek() : null;
    if (region && now >= region.to) this.begin(region.from);
    else if (!region && end.peek() > 0 && now > end.peek() + 2) {
      this.stop();
      this.position.value = 0;
    }
    if (this.playing.value) this.position.value = this.now();
    requestAnimationFrame(() => this.follow());
  }

  /** Schedules what begins to sound before the next look. */
  private lookAhead(): void {
    const until = this.now() + AHEAD;
    for (const clip of clips.peek().values()) this.schedule(clip, until);
    if (this.metronome.value) this.click?.schedule(tempoMap.peek(), this.scheduledTo, until, (at) => this.clock(at));
    this.scheduledTo = Math.max(this.scheduledTo, until);
  }

  private clock(seconds: number): number {
    return this.startedAt + seconds - this.startedFrom;
  }

  private schedule(clip: Clip, until: number): void {
    const now = Math.max(this.now(), this.startedFrom);
    const { startTime, duration } = clip;
    if (startTime >= until || startTime + duration <= now || this.sounding.has(clip.id)) return;
    const input = this.mixer.channel(clip.trackId)?.input;
    if (!input) return;
    const from = Math.max(0, now - startTime);
    const when = { at: Math.max(context().currentTime, this.clock(startTime + from)), from };
    const stop = clip.audioFileId
      ? this.recording(input, clip, when)
      : playNotes(context(), input, clip, tempoMap.peek(), when);
    if (stop) this.sounding.set(clip.id, { stop, clip });
  }

  private recording(input: AudioNode, clip: Clip, when: { at: number; from: number }): (() => void) | null {
    const buffer = clip.audioFileId ? samplesNow(clip.audioFileId) : null;
    if (!buffer) return null; // it joins in as soon as it is there
    const source = playRecording(context(), input, clip, buffer, when);
    return () => {
      source.stop();
      source.disconnect();
    };
  }

  /** What has changed while it plays is played anew from this moment. */
  private reconsider(known: ReadonlyMap<string, Clip>): void {
    for (const [id, { stop, clip }] of this.sounding) {
      if (known.get(id) === clip) continue;
      stop();
      this.sounding.delete(id);
    }
    this.lookAhead();
  }
}

export const player = new Player();
