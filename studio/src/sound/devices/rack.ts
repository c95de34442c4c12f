import type { Device } from "../../project/entities";
import { equalizer, stereoWidth, utility } from "./filters";
import { type Builder, type DeviceNode, stereo, turn } from "./node";
import { chorus, phaser, reverb } from "./time";
import { compressor, delay, flanger, gate, limiter, pitchShift, saturation } from "./worked";

/** Every effect that this page can play; one that it does not know is passed. */
const BUILDERS: Record<string, Builder> = {
  equalizer,
  compressor,
  gate,
  limiter,
  saturation,
  delay,
  reverb,
  chorus,
  flanger,
  phaser,
  stereoWidth,
  pitchShift,
  utility,
};

interface Made {
  node: DeviceNode;
  fixed: string; // what another value of would need another node
}

/** The chain of devices of one track, between `input` and `output`. */
export class Rack {
  readonly input: GainNode;
  readonly output: GainNode;
  private readonly made = new Map<string, Made>();
  private order = "";

  constructor(private readonly audio: BaseAudioContext) {
    this.input = stereo(audio);
    this.output = stereo(audio);
    this.input.connect(this.output);
  }

  node(deviceId: string): DeviceNode | undefined {
    return this.made.get(deviceId)?.node;
  }

  /** Frames by which what comes out is late. */
  get latency(): number {
    return [...this.made.values()].reduce((sum, { node }) => sum + (node.latency ?? 0), 0);
  }

  /** Resolves when every device of the chain sounds. */
  async ready(): Promise<void> {
    await Promise.all([...this.made.values()].map(({ node }) => node.ready));
  }

  /** Makes the chain as the document has it; knobs are turned, everything else is built anew. */
  follow(devices: readonly Device[], beatSeconds: number): void {
    const effects = devices.filter(({ type, bypassed }) => !bypassed && BUILDERS[type]);
    const present = new Set(effects.map(({ id }) => id));
    for (const id of this.made.keys()) if (!present.has(id)) this.forget(id);
    for (const device of effects) this.make(device, beatSeconds);
    const order = effects.map(({ id }) => `${id} ${this.made.get(id)?.fixed}`).join();
    if (order === this.order) return;
    this.order = order;
    this.input.disconnect();
    for (const { node } of this.made.values()) node.output.disconnect();
    let last: AudioNode = this.input;
    for (const { id } of effects) {
      const node = this.made.get(id)?.node;
      if (!node) continue;
      last.connect(node.input);
      last = node.output;
    }
    last.connect(this.output);
  }

  private make({ id, type, parameters, sidechainTrackId }: Device, beatSeconds: number): void {
    const values = { ...(parameters as Record<string, unknown>), listens: sidechainTrackId !== null };
    const known = this.made.get(id);
    const fixed = known ? fixedOf(known.node, values, beatSeconds) : "";
    if (known && known.fixed === fixed) {
      for (const [name, knob] of Object.entries(known.node.knobs)) {
        turn(this.audio, knob, Number((values as Record<string, unknown>)[name]));
      }
      return;
    }
    const builder = BUILDERS[type];
    if (!builder) return;
    this.forget(id);
    const node = builder(this.audio, values, beatSeconds);
    this.made.set(id, { node, fixed: fixedOf(node, values, beatSeconds) });
  }

  private forget(id: string): void {
    const known = this.made.get(id);
    known?.node.output.disconnect();
    this.made.delete(id);
  }
}

const fixedOf = ({ knobs }: DeviceNode, values: Record<string, unknown>, beatSeconds: number): string => {
  const still = Object.entries(values).filter(([name]) => !(name in knobs));
  return JSON.stringify("sync" in values && values.sync !== "off" ? [...still, beatSeconds] : still);
};
