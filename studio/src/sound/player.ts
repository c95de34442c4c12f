import { computed, effect, signal, untracked } from "@preact/signals";
import type { Clip } from "../project/entities";
import {
  automations,
  clips,
  devices,
  end,
  loop,
  looping,
  sends,
  takesByClip,
  tempoMap,
  tracks,
} from "../project/store";
import { context, running } from "./context";
import { Desk, type Mix } from "./desk";
import { moveKnobs, releaseKnobs } from "./envelopes";
import { watchLoudness } from "./loudness";
import { Metronome } from "./metronome";
import { playNotes } from "./notes";
import { decodedCount, samplesNow } from "./recordings";
import { playClip } from "./sources";

const AHEAD = 0.25; // seconds for which sound is scheduled
const EVERY = 50; // ms between two looks ahead
const START = 0.06; // seconds from the press of a button to the first sound
const REST = 2; // seconds that it plays on after the last clip

/** A stretch of the document that is played in one go: from its beginning or the last jump to the next one. */
interface Pass {
  from: number; // seconds of the document
  to: number;
  at: number; // where `from` is, on the context's clock
  planned: number; // seconds of the document up to which it is scheduled
  sounding: Map<string, { stop: () => void; clip: Clip }>;
}

const mix = computed<Mix>(() => ({
  tracks: tracks.value,
  sends: sends.value,
  devices: devices.value,
  beatSeconds: 60 / tempoMap.value.bpm(0),
}));

/** The document as it sounds. Positions are seconds from its beginning; they move with every frame. */
class Player {
  readonly playing = signal(false);
  readonly position = signal(0);
  readonly metronome = signal(false);
  /** Of the last three seconds that the speakers got, in LUFS. */
  readonly loudness = signal(Number.NEGATIVE_INFINITY);
  private desk: Desk | null = null;
  private click: Metronome | null = null;
  private passes: Pass[] = [];
  private straight = false;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    effect(() => {
      const present = mix.value;
      this.desk?.follow(present);
    });
    effect(() => {
      const known = clips.value;
      decodedCount.value;
      untracked(() => this.playing.value && this.reconsider(known));
    });
    effect(() => {
      // Another region, or another envelope: what was planned ahead is planned anew.
      for (const each of [loop, looping, automations, takesByClip, tempoMap]) each.value;
      untracked(() => this.playing.value && this.begin(this.now()));
    });
    effect(() => {
      // A recording that is on the page soon is wanted soon.
      for (const { audioFileId } of clips.value.values()) if (audioFileId && this.desk) samplesNow(audioFileId);
    });
  }

  get mixer(): Desk {
    if (!this.desk) {
      this.desk = new Desk(context());
      this.desk.follow(mix.peek());
      void this.desk.ready();
      void watchLoudness(context(), this.desk.master.output, (lufs) => (this.loudness.value = lufs));
      for (const { audioFileId } of clips.peek().values()) if (audioFileId) samplesNow(audioFileId);
    }
    return this.desk;
  }

  async toggle(): Promise<void> {
    if (this.playing.value) this.stop();
    else await this.play();
  }

  /** `straight`: without the loop. Resolves with when the first sound comes, on the context's clock. */
  async play(straight = false): Promise<number> {
    const audio = await running();
    this.straight = straight;
    this.click ??= new Metronome(audio);
    await this.mixer.ready();
    const region = this.region();
    if (region && this.position.value >= region.to) this.position.value = region.from;
    this.begin(this.position.value);
    this.playing.value = true;
    this.timer ??= setInterval(() => this.lookAhead(), EVERY);
    requestAnimationFrame(() => this.follow());
    return this.passes[0]?.at ?? audio.currentTime;
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
    const clock = context().currentTime;
    const heard = this.passes.findLast(({ at }) => at <= clock) ?? this.passes[0];
    return heard ? Math.max(heard.from, heard.from + clock - heard.at) : this.position.value;
  }

  private begin(from: number): void {
    this.silence();
    this.passes = [this.pass(from, context().currentTime + START)];
    this.lookAhead();
  }

  private region() {
    return looping.peek() && !this.straight ? loop.peek() : null;
  }

  private pass(from: number, at: number): Pass {
    const region = this.region();
    const to = region && from < region.to ? region.to : Number.POSITIVE_INFINITY;
    return { from, to, at, planned: from, sounding: new Map() };
  }

  private silence(): void {
    for (const { sounding } of this.passes) for (const { stop } of sounding.values()) stop();
    this.passes = [];
    this.click?.silence();
    if (!this.desk) return;
    releaseKnobs(this.desk, automations.peek());
    this.desk.follow(mix.peek());
  }

  private follow(): void {
    if (!this.playing.value) return;
    const now = this.now();
    this.position.value = now;
    if (!looping.peek() && !this.straight && end.peek() > 0 && now > end.peek() + REST) {
      this.stop();
      this.position.value = 0;
    }
    requestAnimationFrame(() => this.follow());
  }

  /** Schedules what begins to sound before the next look, over the end of a loop as well. */
  private lookAhead(): void {
    const clock = context().currentTime;
    const until = clock + AHEAD;
    this.passes = this.passes.filter(({ at, from, to }) => at + to - from > clock - AHEAD);
    for (let each = 0; each < this.passes.length; each++) {
      const pass = this.passes[each] as Pass;
      this.plan(pass, Math.min(pass.to, pass.from + until - pass.at));
      const ends = pass.at + pass.to - pass.from;
      const region = this.region();
      if (ends < until && region && each === this.passes.length - 1) this.passes.push(this.pass(region.from, ends));
    }
  }

  private plan(pass: Pass, until: number): void {
    for (const clip of clips.peek().values()) this.schedule(pass, clip, until);
    if (until <= pass.planned) return;
    const clock = (seconds: number) => pass.at + seconds - pass.from;
    const map = tempoMap.peek();
    if (this.metronome.value) this.click?.schedule(map, pass.planned, until, clock);
    moveKnobs(this.mixer, automations.peek(), map, [pass.planned, until], clock);
    pass.planned = until;
  }

  private schedule(pass: Pass, clip: Clip, until: number): void {
    const now = Math.max(pass.from, pass.from + context().currentTime - pass.at);
    const { startTime, duration } = clip;
    if (startTime >= until || startTime + duration <= now || pass.sounding.has(clip.id)) return;
    const input = this.mixer.channel(clip.trackId)?.input;
    if (!input) return;
    const from = Math.max(0, now - startTime);
    const when = { at: Math.max(context().currentTime, pass.at + startTime + from - pass.from), from };
    const last = Math.min(duration, pass.to - startTime); // a loop cuts what goes on beyond its end
    const cut = last < duration ? { ...clip, duration: last, fadeOut: 0 } : clip;
    // What is not decoded yet joins in as soon as it is there.
    const stop = clip.audioFileId
      ? playClip(context(), input, cut, takesByClip.peek().get(clip.id) ?? [], samplesNow, when)
      : playNotes(context(), input, cut, tempoMap.peek(), when);
    if (stop) pass.sounding.set(clip.id, { stop, clip });
  }

  /** What has changed while it plays is played anew from this moment. */
  private reconsider(known: ReadonlyMap<string, Clip>): void {
    for (const { sounding } of this.passes) {
      for (const [id, { stop, clip }] of sounding) {
        if (known.get(id) === clip) continue;
        stop();
        sounding.delete(id);
      }
    }
    this.lookAhead();
  }
}

export const player = new Player();
