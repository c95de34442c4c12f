import type { Send, Track } from "../project/entities";
import { Channel } from "./channel";
import { glide, Pan } from "./pan";

/** Whose sound is heard: not what is muted and, while somebody is soloed, only what passes a soloed track on its way. */
export const audibleTracks = (tracks: readonly Track[], sends: readonly Send[]): ReadonlySet<string> => {
  const heard = new Map(tracks.filter(({ isMuted }) => !isMuted).map((track) => [track.id, track]));
  const soloed = tracks.filter(({ isSolo, trackType }) => isSolo && trackType !== "MASTER");
  if (soloed.length === 0) return new Set(heard.keys());
  const waysOut = (track: Track): string[] => [
    String(track.outputDestination ?? ""),
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

  constructor(
    private readonly audio: BaseAudioContext,
    destination: AudioNode = audio.destination,
  ) {
    this.master = new Channel(audio);
    this.master.to(destination);
  }

  channel(trackId: string): Channel | undefined {
    return this.channels.get(trackId);
  }

  /** Makes strips, faders and wires as the document has them. */
  follow(tracks: readonly Track[], sends: readonly Send[]): void {
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
    for (const { id, enabled, level, pan } of sends) {
      const wire = this.wires.get(id);
      if (!wire) continue;
      glide(this.audio, wire.gain.gain, enabled ? level : 0);
      wire.pan.set(pan, this.audio);
    }
  }

  private wire(tracks: readonly Track[], sends: readonly Send[]): void {
    const wiring = JSON.stringify([
      tracks.map(({ id, outputDestination }) => [id, outputDestination]),
      sends.map(({ id, trackId, destinationTrackId, preFader }) => [id, trackId, destinationTrackId, preFader]),
    ]);
    if (wiring === this.wiring) return;
    this.wiring = wiring;
    for (const { gain } of this.wires.values()) gain.disconnect();
    this.wires.clear();
    for (const { id, outputDestination } of tracks) {
      const channel = this.channels.get(id);
      if (!channel || channel === this.master) continue;
      channel.reconnect();
      channel.to((this.channels.get(outputDestination ?? "") ?? this.master).input);
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
}
