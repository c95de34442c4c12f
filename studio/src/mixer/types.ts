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

/** "earHighpass" as people say it: "ear highpass". */
export const spoken = (name: string): string => name.replaceAll(/([A-Z])/g, " $1").toLowerCase();
