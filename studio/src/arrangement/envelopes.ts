import { effect } from "@preact/signals";
import { deviceTypes, loadDeviceTypes, spoken } from "../mixer/types";
import type { Automation, Track } from "../project/entities";
import { automations, devices, sends, tracks } from "../project/store";
import type { TempoMap } from "../time/tempo-map";

/** What an envelope moves, as the document names it. */
export type Target = Pick<Automation, "target" | "sendId" | "deviceId" | "parameter">;
export type Point = Automation["points"][number];
export type Curve = NonNullable<Point["curve"]>;

export const CURVES: Record<Curve, { words: string; shape: (u: number) => number }> = {
  linear: { words: "Straight", shape: (u) => u },
  hold: { words: "Hold", shape: () => 0 },
  smooth: { words: "Smooth", shape: (u) => (1 - Math.cos(Math.PI * u)) / 2 },
  slow: { words: "Slow, then fast", shape: (u) => u * u },
  fast: { words: "Fast, then slow", shape: (u) => 1 - (1 - u) ** 2 },
};

const LOUDEST = 10 ** (6 / 20); // of faders and sends, as the server has it
const none = { sendId: null, deviceId: null, parameter: null };

// Which parameters there are is asked for as soon as there is a device.
effect(() => {
  if (devices.value.length > 0) loadDeviceTypes().catch(() => {}); // the menu of a track lacks them until it works
});

export const keyOf = ({ target, sendId, deviceId, parameter }: Target): string =>
  [target, sendId ?? deviceId, parameter].filter(Boolean).join(":");

/** Everything on a track that can be moved. */
export const targetsOf = (track: Track): Target[] => [
  { ...none, target: "volume" },
  { ...none, target: "pan" },
  { ...none, target: "mute" },
  ...sends.value
    .filter(({ trackId }) => trackId === track.id)
    .map(({ id }) => ({ ...none, target: "send" as const, sendId: id })),
  ...devices.value
    .filter(({ trackId }) => trackId === track.id)
    .flatMap(({ id, type }) =>
      Object.entries(deviceTypes.value.get(type)?.parameters.properties ?? {})
        .filter(([, described]) => described.automatable)
        .map(([parameter]) => ({ ...none, target: "device" as const, deviceId: id, parameter })),
    ),
];

export const envelopeOf = (trackId: string, target: Target): Automation | null => {
  const key = keyOf(target);
  return automations.value.find((each) => each.trackId === trackId && keyOf(each) === key) ?? null;
};

export const titleOf = ({ target, sendId, deviceId, parameter }: Target): string => {
  if (target === "send") {
    const send = sends.value.find(({ id }) => id === sendId);
    return `Send to ${tracks.value.find(({ id }) => id === send?.destinationTrackId)?.name ?? "a bus"}`;
  }
  if (target === "device") {
    const device = devices.value.find(({ id }) => id === deviceId);
    return `${spoken(device?.type ?? "device")}: ${spoken(parameter ?? "")}`;
  }
  return { volume: "Volume", pan: "Pan", mute: "Mute" }[target];
};

export interface Range {
  low: number;
  high: number;
  rest: number; // the value while there is no envelope
  unit: string;
}

export const rangeOf = (track: Track, { target, sendId, deviceId, parameter }: Target): Range => {
  if (target === "pan") return { low: -1, high: 1, rest: track.pan, unit: "" };
  if (target === "mute") return { low: 0, high: 1, rest: track.isMuted ? 1 : 0, unit: "" };
  if (target === "device") {
    const device = devices.value.find(({ id }) => id === deviceId);
    const described = deviceTypes.value.get(device?.type ?? "")?.parameters.properties[parameter ?? ""];
    const rest = Number(device?.parameters[parameter ?? ""] ?? 0);
    return { low: described?.minimum ?? 0, high: described?.maximum ?? 1, rest, unit: described?.unit ?? "" };
  }
  const rest = target === "send" ? sends.value.find(({ id }) => id === sendId)?.level : track.volume;
  return { low: 0, high: LOUDEST, rest: rest ?? 1, unit: "dB" };
};

/** A value as people say it. Volumes are linear in the document. */
export const textOf = ({ target }: Target, value: number, unit: string): string => {
  if (target === "volume" || target === "send")
    return value > 0 ? `${(20 * Math.log10(value)).toFixed(1)} dB` : "−∞ dB";
  if (target === "mute") return value >= 0.5 ? "muted" : "heard";
  if (target === "pan")
    return value === 0 ? "middle" : `${Math.round(Math.abs(value) * 100)} ${value < 0 ? "left" : "right"}`;
  return `${Number(value.toPrecision(4))} ${unit}`.trim();
};

/** The value at a beat: between two points over time, as the curve of the first one says. */
export const valueAt = (points: readonly Point[], beat: number, map: TempoMap): number => {
  let index = points.length - 1;
  while (index >= 0 && (points[index] as Point).beat > beat) index--;
  const [before, after] = [points[Math.max(0, index)] as Point, points[index + 1]];
  if (index < 0 || !after) return before.value;
  const from = map.seconds(before.beat);
  const u = (map.seconds(beat) - from) / (map.seconds(after.beat) - from);
  return before.value + (after.value - before.value) * CURVES[before.curve ?? "linear"].shape(u);
};
