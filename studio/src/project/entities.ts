import type { Schemas } from "../api/client";

/** What every entity of a document has; times are as the server says them. */
export interface Entity {
  readonly id: string;
  readonly trackId?: string;
  readonly order?: number;
  readonly [field: string]: unknown;
}

export type Project = Schemas["ProjectCreate"] & {
  id: string;
  name: string;
  bpm: number;
  key: string | null;
  timeSignature: string;
  revision: number;
  role: Role;
  lyrics: string | null;
  isPublic: boolean;
};
export type Role = "owner" | "editor" | "viewer";
export type Track = Required<Omit<Schemas["TrackCreate"], "projectId" | "baseRevision" | "clientOperationId">> & Entity;
export type Clip = Required<Omit<Schemas["ClipCreate"], "baseRevision" | "clientOperationId">> & Entity;
export type Send = Required<Omit<Schemas["SendCreate"], "baseRevision" | "clientOperationId">> &
  Entity & { trackId: string };

/** A stretch of the time line with a name, and a place; both in beats. */
export type Section = Required<Omit<Schemas["SectionCreate"], "projectId" | "baseRevision" | "clientOperationId">> &
  Entity;
export type Marker = Required<Omit<Schemas["MarkerCreate"], "projectId" | "baseRevision" | "clientOperationId">> &
  Entity;

/** The harmony from a beat on, until the next chord where `length` is null. */
export type Chord = Required<Omit<Schemas["ChordCreate"], "projectId" | "baseRevision" | "clientOperationId">> & Entity;

/** Another tempo from a beat on, and other bars from a bar on, which counts from 0. */
export type TempoEvent = Required<
  Omit<Schemas["TempoEventCreate"], "projectId" | "baseRevision" | "clientOperationId">
> &
  Entity;
export type TimeSignatureEvent = Required<
  Omit<Schemas["TimeSignatureEventCreate"], "projectId" | "baseRevision" | "clientOperationId">
> &
  Entity;

/** An effect, or an instrument for notes, in the chain of a track. */
export type Device = Required<Omit<Schemas["DeviceCreate"], "parameters" | "baseRevision" | "clientOperationId">> &
  Entity & { trackId: string; order: number; parameters: Record<string, unknown> };

/** Another recording of what a clip plays, heard in its `ranges`, which are in seconds of the clip's own recording. */
export type Take = Required<Omit<Schemas["TakeCreate"], "projectId" | "baseRevision" | "clientOperationId">> & Entity;

/** A recording that renders play instead of the clips and devices of a track. */
export type Freeze = Required<Omit<Schemas["FreezeCreate"], "baseRevision" | "clientOperationId">> &
  Entity & { trackId: string };

/** An envelope of a fader, a send or a parameter of a device. */
export type Automation = Required<Omit<Schemas["AutomationCreate"], "baseRevision" | "clientOperationId">> &
  Entity & { trackId: string };

/** A recording that clips play, as the project lists it. */
export interface Recording {
  id: string;
  audioUrl: string;
  originalName: string;
  duration: number | null;
}

/** Which entities there are, by the name in which events and operations speak of them, and how lists are called. */
export interface Kinds {
  track: Track;
  clip: Clip;
  send: Send;
  section: Section;
  marker: Marker;
  chord: Chord;
  tempoEvent: TempoEvent;
  timeSignatureEvent: TimeSignatureEvent;
  automation: Automation;
  take: Take;
  device: Device;
  freeze: Freeze;
}
export type Kind = keyof Kinds;
export const PLURALS: Record<Kind, string> = {
  track: "tracks",
  clip: "clips",
  send: "sends",
  section: "sections",
  marker: "markers",
  chord: "chords",
  tempoEvent: "tempoEvents",
  timeSignatureEvent: "timeSignatureEvents",
  automation: "automations",
  take: "takes",
  device: "devices",
  freeze: "freezes",
};

/** Those that come inside of their tracks when a whole project is told. */
export const WITHIN_TRACKS: readonly Kind[] = ["clip", "send", "automation", "device"];

export const isKind = (name: string): name is Kind => name in PLURALS;
