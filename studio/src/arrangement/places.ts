import { signal } from "@preact/signals";
import { create, remove } from "../project/edits";
import type { Kinds } from "../project/entities";
import {
  chords,
  markers,
  mayEdit,
  project,
  sections,
  tempoEvents,
  tempoMap,
  timeSignatureEvents,
} from "../project/store";
import { player } from "../sound/player";
import type { MenuItem } from "../ui/menu";
import { left, zoom } from "../view";
import { snappedBeat } from "./geometry";
import { size } from "./layout";

/** What stands in the ruler. */
export type PlaceKind = "marker" | "section" | "chord" | "tempoEvent" | "timeSignatureEvent";
export const TITLES: Record<PlaceKind, string> = {
  marker: "Marker",
  section: "Section",
  chord: "Chord",
  tempoEvent: "Tempo change",
  timeSignatureEvent: "Metre change",
};

/** The one whose fields are open, and where in the window. */
export const edited = signal<{ kind: PlaceKind; id: string; x: number; y: number } | null>(null);

export const edit = (kind: PlaceKind, id: string, x: number, y: number): void => {
  edited.value = { kind, id, x, y };
};

/** Adds one at a beat and opens its fields. */
export const add = async (kind: PlaceKind, beat: number, x: number, y: number): Promise<void> => {
  const map = tempoMap.value;
  const { length } = map.metre(beat);
  const made = await {
    marker: () => create("marker", { name: `Marker ${markers.value.length + 1}`, beat, color: null }),
    section: () =>
      create("section", { name: `Section ${sections.value.length + 1}`, beat, length: 8 * length, color: null }),
    chord: () => create("chord", { symbol: project.value?.key ?? "C", beat, length: null }),
    tempoEvent: () => create("tempoEvent", { beat, bpm: Math.round(map.bpm(beat)), curve: "jump" }),
    timeSignatureEvent: () => {
      const bar = map.position(beat).bar - 1;
      return create("timeSignatureEvent", { bar, timeSignature: project.value?.timeSignature ?? "4/4" });
    },
  }[kind]();
  const id = (made[kind] as { id: string } | undefined)?.id;
  if (id) edit(kind, id, x, y);
};

/** Everything of the ruler, in the order of time. */
const every = (): { kind: PlaceKind; id: string; beat: number; words: string }[] =>
  [
    ...markers.value.map(({ id, beat, name }) => ({ kind: "marker" as const, id, beat, words: name })),
    ...sections.value.map(({ id, beat, name }) => ({ kind: "section" as const, id, beat, words: name })),
    ...chords.value.map(({ id, beat, symbol }) => ({ kind: "chord" as const, id, beat, words: symbol })),
    ...tempoEvents.value.map(({ id, beat, bpm }) => ({ kind: "tempoEvent" as const, id, beat, words: `${bpm} bpm` })),
    ...timeSignatureEvents.value.map(({ id, bar, timeSignature }) => ({
      kind: "timeSignatureEvent" as const,
      id,
      beat: tempoMap.value.beatOfBar(bar),
      words: timeSignature,
    })),
  ].sort((one, other) => one.beat - other.beat);

const LISTED = 24;

/** To add each kind at a beat (the playhead's without one), and to edit what is there. */
export const itemsAt = (x: number, y: number, beat?: number): MenuItem[] => {
  const map = tempoMap.value;
  const at = beat ?? snappedBeat(map.beat(player.position.value));
  const off = !mayEdit.value;
  const kinds = Object.entries(TITLES) as [PlaceKind, string][];
  const near = every().filter((each) => {
    const seconds = map.seconds(each.beat);
    return seconds >= left.value && seconds <= left.value + size.value.width / zoom.value;
  });
  return [
    ...kinds.map(([kind, title]) => ({
      words: `Add ${title.toLowerCase()}`,
      off,
      run: () => void add(kind, at, x, y),
    })),
    ...near.slice(0, LISTED).map(({ kind, id, beat: from, words }, index) => ({
      words: `${TITLES[kind]} ${words}, bar ${map.position(from).bar}`,
      off,
      apart: index === 0,
      run: () => edit(kind, id, x, y),
    })),
  ];
};

/** What the menu of one of them offers. */
export const itemsOf = (kind: PlaceKind, id: string, x: number, y: number): MenuItem[] => [
  { words: "Edit", run: () => edit(kind, id, x, y) },
  { words: "Delete", run: () => void remove(kind, id) },
];

export const found = <K extends PlaceKind>(kind: K, id: string): Kinds[K] | null => {
  const lists = {
    marker: markers,
    section: sections,
    chord: chords,
    tempoEvent: tempoEvents,
    timeSignatureEvent: timeSignatureEvents,
  };
  return (lists[kind].value.find((each) => each.id === id) ?? null) as Kinds[K] | null;
};
