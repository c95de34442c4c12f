import { signal } from "@preact/signals";
import { answered, api } from "../api/client";

/** A parameter of a type of devices, as `GET /api/devices` describes it. */
export interface Described {
  description?: string;
  type?: string | string[];
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  unit?: string;
  automatable?: boolean;
}
export interface DeviceType {
  type: string;
  kind: "effect" | "instrument";
  help: string;
  sidechain: boolean;
  recording: boolean;
  parameters: { properties: Readonly<Record<string, Described>> };
  presets: Readonly<Record<string, unknown>>;
}

/** By name; empty until they have come. */
export const deviceTypes = signal<ReadonlyMap<string, DeviceType>>(new Map());

export const loadDeviceTypes = async (): Promise<void> => {
  if (deviceTypes.value.size > 0) return;
  const { types = [] } = await answered(api.GET("/api/devices"));
  deviceTypes.value = new Map((types as unknown as DeviceType[]).map((each) => [each.type, each]));
};

/** The names of what a track of notes can sound like; empty until they have come. */
export const instruments = signal<readonly string[]>([]);

export const loadInstruments = async (): Promise<void> => {
  if (instruments.value.length > 0) return;
  const listed = (await answered(api.GET("/api/instruments"))).instruments ?? [];
  instruments.value = listed.flatMap(({ name }) => name ?? []);
};

/** A parameter and its value, where its type is not at hand. */
export const amountOf = ([name, value]: [string, unknown]): string =>
  `${spoken(name)} ${typeof value === "number" ? Number(value.toPrecision(3)) : typeof value === "boolean" ? (value ? "on" : "off") : value}`;

const LETTERS: Record<string, string> = { q: "Q" };

/** "earHighpass" as people say it: "ear highpass"; "frequency1": "band 1 frequency". */
export const spoken = (name: string): string => {
  const [, word = name, band] = /^(.*?)(\d+)$/.exec(name) ?? [];
  const words = LETTERS[word] ?? word.replaceAll(/([A-Z])/g, " $1").toLowerCase();
  return band ? `band ${band} ${words}` : words;
};

/** A value with its unit; what is a share of something, in percent. */
export const amount = (value: number, { unit, minimum, maximum }: Described): string => {
  if (!unit && minimum === 0 && maximum === 1) return `${Math.round(value * 100)} %`;
  if (Math.abs(value) >= 1000) return `${(value / 1000).toFixed(1)} k${unit ?? ""}`;
  return `${Number(value.toPrecision(3))} ${unit ?? ""}`.trim();
};
