import type { Automation, Device, Send, Track } from "../project/entities";
import { Channel } from "./channel";
import { type Knob, same } from "./devices/node";
import { loadWorklet } from "./devices/worked";
import { glide, Pan, panGain } from "./pan";

/** Whose sound is heard: not what is muted and, while somebody is soloed, only what passes a soloed track on its way. */
export const audibleTracks = (tracks: readonly Track[], sends: readonly Send[]): ReadonlySet<string> => {
  const heard = new Map(tracks.filter(({ isMuted }) => !isMuted).map((track) => [track.id, track]));
  const soloed = tracks.filter(({ isSolo, trackType }) => isSolo && trackType !== "MASTER");
  if (soloed.length === 0) return new Set(heard.keys());
  const waysOut = (track: Track): string[] => [
    outOf(track),
    ...sends.filter((send) => send.trackId === track.id && send.enabled).map((send) => send.destinationTrackId),
  ];
  const kept = new Set<string>();
  const down = soloed.map(({ id }) => id);
  for (let id = down.pop(); id !== undefined; id = down.pop()) {
    const track = heard.get(id);
    if (!track || kept.has(id)) continue;
    kept.add(id);
    down.push(...waysOut(track));
  }
  // Whatever leads to a soloed bus is heard through it.
  for (let more = true; more; ) {
    more = false;
    for (const track of heard.values()) {
      if (kept.has(track.id) || !waysOut(track).some((next) => feeds(next, soloed, kept))) continue;
      kept.add(track.id);
      more = true;
    }
  }
  return kept;
};

const feeds = (id: string, soloed: readonly Track[], kept: ReadonlySet<string>): boolean =>
  kept.has(id) && soloed.some((track) => track.id === id);

/** Where a track leads: an AUX track that it names, else the group that it is in, else (nothing) the master. */
const outOf = ({ outputDestination, groupId }: Track): string =>
  outputDestination && outputDestination !== "master" ? outputDestination : (groupId ?? "");

const BUSES = new Set<string>(["AUX", "GROUP", "MASTER"]);

/** What the desk follows. */
export interface Mix {
  tracks: readonly Track[];
  sends: readonly Send[];
  devices: readonly Device[];
  beatSeconds: number; // of a delay in time with the music
}

interface Wire {
  gain: GainNode;
  pan: Pan;
}

/** All strips of a project and how they are connected, in any context: the speakers' or an offline one. */
export class Desk {
  readonly master: Channel;
  private readonly channels = new Map<string, Channel>();
  private readonly wires = new Map<string, Wire>(); // of sends
  private wiring = "";
  private ears: { from: AudioNode; to: AudioNode }[] = [];
  latency = 0; // frames by which everything is late
  private worked = false; // whether devices can be made that run in the audio thread
  private mix: Mix | null = null;

  constructor(
    private readonly audio: BaseAudioContext,
    destination: AudioNode = audio.destination,
  ) {
    this.master = new Channel(audio);
    this.master.to(destination);
  }

  /** Resolves when every device sounds. */
  async ready(): Promise<void> {
    if (!this.worked) {
      await loadWorklet(this.audio);
      this.worked = true;
      if (this.mix) this.follow(this.mix);
    }
    await Promise.all([...this.channels.values()].map(({ rack }) => rack.ready()));
  }

  channel(trackId: string): Channel | undefined {
    return this.channels.get(trackId);
  }

  /** Makes strips, faders and wires as the document has them. */
  follow(mix: Mix): void {
    this.mix = mix;
    const { tracks, sends } = mix;
    const audible = audibleTracks(tracks, sends);
    const present = new Set(tracks.map(({ id }) => id));
    for (const [id, channel] of this.channels) {
      if (present.has(id)) continue;
      if (channel !== this.master) channel.close();
      this.channels.delete(id);
    }
    const master = tracks.find(({ trackType }) => trackType === "MASTER");
    for (const track of tracks) {
      if (!this.channels.has(track.id)) {
        this.channels.set(track.id, track === master ? this.master : new Channel(this.audio));
      }
      this.channels.get(track.id)?.set(track, track === master ? !track.isMuted : audible.has(track.id));
    }
    if (!master) this.master.set({ volume: 1, pan: 0, channels: "stereo" }, true);
    this.wire(tracks, sends);
    if (this.worked) this.plug(mix);
    for (const { id, enabled, level, pan } of sends) {
      const wire = this.wires.get(id);
      if (!wire) continue;
      glide(this.audio, wire.gain.gain, enabled ? level : 0);
      wire.pan.set(pan, this.audio);
    }
  }

  private wire(tracks: readonly Track[], sends: readonly Send[]): void {
    const wiring = JSON.stringify([
      tracks.map((track) => [track.id, outOf(track)]),
      sends.map(({ id, trackId, destinationTrackId, preFader }) => [id, trackId, destinationTrackId, preFader]),
    ]);
    if (wiring === this.wiring) return;
    this.wiring = wiring;
    for (const { gain } of this.wires.values()) gain.disconnect();
    this.wires.clear();
    for (const track of tracks) {
      const channel = this.channels.get(track.id);
      if (!channel || channel === this.master) continue;
      channel.reconnect();
      channel.to((this.channels.get(outOf(track)) ?? this.master).input);
    }
    for (const { id, trackId, destinationTrackId, preFader } of sends) {
      const from = this.channels.get(trackId);
      const to = this.channels.get(destinationTrackId);
      if (!from || !to) continue;
      const wire = { gain: new GainNode(this.audio), pan: new Pan(this.audio) };
      (preFader ? from.pre : from.post).connect(wire.gain).connect(wire.pan.input);
      wire.pan.output.connect(to.input);
      this.wires.set(id, wire);
    }
  }

  /** Devices, and what they listen to. */
  private plug({ tracks, devices, beatSeconds }: Mix): void {
    for (const { id } of tracks) {
      const chain = devices.filter(({ trackId }) => trackId === id);
      this.channels.get(id)?.rack.follow(chain, beatSeconds);
    }
    this.align(tracks);
    for (const { from, to } of this.ears) from.disconnect(to);
    this.ears = devices.flatMap(({ id, trackId, sidechainTrackId }) => {
      const to = this.channels.get(trackId)?.rack.node(id)?.side;
      const from = this.channels.get(sidechainTrackId ?? "")?.rack.output;
      return from && to ? [{ from, to }] : [];
    });
    for (const { from, to } of this.ears) from.connect(to);
  }

  /** Lets all that has no feeders be as late as the latest of it. Buses that are late stay so. */
  private align(tracks: readonly Track[]): void {
    const sources = tracks.filter(({ trackType }) => !BUSES.has(trackType));
    const late = (id: string) => this.channels.get(id)?.rack.latency ?? 0;
    this.latency = Math.max(0, ...sources.map(({ id }) => late(id)));
    for (const { id } of sources) this.channels.get(id)?.wait(this.latency - late(id));
  }

  /** What an envelope moves here. */
  knob({ trackId, target, sendId, deviceId, parameter }: Automation): Knob {
    const channel = this.channels.get(trackId);
    if (!channel) return [];
    if (target === "volume") return [[channel.post.gain, same]];
    if (target === "mute") return [[channel.mute.gain, (value) => (value >= 0.5 ? 0 : 1)]];
    if (target === "pan") {
      return ([0, 1] as const).map((side) => [channel.pan.sides[side].gain, (pan: number) => panGain(pan, side)]);
    }
    if (target === "send") {
      const wire = this.wires.get(sendId ?? "");
      return wire ? [[wire.gain.gain, same]] : [];
    }
    return channel.rack.node(deviceId ?? "")?.knobs[parameter ?? ""] ?? [];
  }
}
