import type { Schemas } from "../api/client";
import { dbText, toDb } from "../mixer/fader";
import { amountOf, spoken } from "../mixer/types";
import { document } from "../project/store";

export type Step = Schemas["Operation"];

type Fields = Record<string, unknown>;

/** What a kind of entity is called. */
const NOUNS: Record<string, string> = {
  track: "track",
  clip: "clip",
  send: "send",
  section: "section",
  marker: "marker",
  chord: "chord",
  tempoEvent: "tempo change",
  timeSignatureEvent: "change of metre",
  automation: "envelope",
  take: "take",
  device: "device",
};

const nounOf = (entity: string): string => NOUNS[entity] ?? spoken(entity);

const FEW = 2; // parameters that are told one by one

type Phrase = string | ((value: unknown, changes: Fields) => string);
const onOff =
  (on: string, off: string): Phrase =>
  (value) =>
    value ? on : off;
const signed = (value: unknown): string => `${Number(value) > 0 ? "+" : ""}${Number(Number(value).toFixed(1))}`;

/** What became of something, by the field that changed; of several the first one that stands here is said. */
const PHRASES: Record<string, Record<string, Phrase>> = {
  project: {
    name: (name) => `the song is called “${name}”`,
    bpm: (bpm) => `tempo ${bpm} bpm`,
    key: (key) => `key ${key}`,
    timeSignature: (metre) => `metre ${metre}`,
    lyrics: "lyrics written",
    looping: onOff("loop on", "loop off"),
    loopStart: "loop moved",
    loopEnd: "loop moved",
    isPublic: onOff("the song is public", "the song is private"),
  },
  track: {
    name: (name) => `is called “${name}”`,
    volume: (volume) => `at ${dbText(toDb(Number(volume)))} dB`,
    pan: (pan) =>
      pan ? `panned ${Math.round(Math.abs(Number(pan)) * 100)} ${Number(pan) < 0 ? "left" : "right"}` : "in the middle",
    isMuted: onOff("muted", "no longer muted"),
    isSolo: onOff("alone", "no longer alone"),
    isArmed: onOff("armed", "no longer armed"),
    instrument: (instrument) => `plays ${instrument}`,
    color: "coloured",
    groupId: onOff("put into a group", "taken out of its group"),
    order: "moved in the list",
    lyrics: "lyrics written",
  },
  clip: {
    trackId: "moved to another track",
    midiData: "notes edited",
    name: (name) => `is called “${name}”`,
    duration: "made longer or shorter",
    lengthBeats: "made longer or shorter",
    startBeat: "moved",
    startTime: "moved",
    offset: "slipped",
    gain: (gain) => `gain ${signed(gain)} dB`,
    fadeIn: "faded",
    fadeOut: "faded",
    fadeCurve: "faded",
    color: "coloured",
    audioFileId: "given another recording",
    stretch: onOff("follows the tempo", "no longer follows the tempo"),
  },
  send: {
    level: (level) => `at ${dbText(toDb(Number(level)))} dB`,
    preFader: onOff("before the fader", "after the fader"),
  },
  device: {
    bypassed: onOff("bypassed", "on again"),
    preset: (preset) => `preset ${preset}`,
    parameters: (parameters) => {
      const turned = Object.entries(parameters as Fields);
      return turned.length > FEW ? "turned" : turned.map(amountOf).join(", ");
    },
  },
  automation: { points: "drawn", enabled: onOff("on", "off") },
  take: { ranges: "chosen elsewhere" },
  marker: { name: (name) => `is called “${name}”`, beat: "moved" },
  section: { name: (name) => `is called “${name}”`, beat: "moved", length: "made longer or shorter" },
  chord: { symbol: (symbol) => `is ${symbol}`, beat: "moved", length: "made longer or shorter" },
  tempoEvent: { bpm: (bpm) => `is ${bpm} bpm`, beat: "moved" },
  timeSignatureEvent: { timeSignature: (metre) => `is ${metre}`, bar: "moved" },
};

const phraseOf = (entity: string, changes: Fields): string => {
  const known = PHRASES[entity] ?? {};
  for (const [field, phrase] of Object.entries(known)) {
    if (field in changes) return typeof phrase === "string" ? phrase : phrase(changes[field], changes);
  }
  return "changed";
};

/** How an entity is called, now or when it was made: names are kept for what is gone by now. */
const nameOf = ({ entity, entityId, changes }: Step, names: ReadonlyMap<string, string>): string => {
  const given =
    changes.name ?? changes.symbol ?? (entity === "device" && changes.type ? spoken(String(changes.type)) : "");
  return String((entityId && names.get(entityId)) || given || "");
};

/** Names of everything in the document, and of what these steps have made. */
const namesIn = (steps: readonly Step[]): ReadonlyMap<string, string> => {
  const names = new Map<string, string>();
  const learn = (id: string | null, entity: string, fields: Fields) => {
    const name = entity === "device" ? spoken(String(fields.type ?? "")) : (fields.name ?? fields.symbol);
    if (id && name) names.set(id, String(name));
  };
  for (const { kind, entity, entityId, changes } of steps) if (kind !== "delete") learn(entityId, entity, changes);
  for (const [kind, entities] of Object.entries(document.peek()?.entities ?? {})) {
    for (const [id, fields] of entities as ReadonlyMap<string, Fields>) learn(id, kind, fields);
  }
  return names;
};

interface Said {
  entity: string;
  name: string;
  words: string; // what became of it
}

/** Parameters come all at once: what of them differs from what was told of the device before. */
const turnedOnly = (step: Step, all: readonly Step[]): Step => {
  const { entityId, revision, changes } = step;
  const before = all.findLast(
    (each) => each.entityId === entityId && each.revision < revision && each.changes.parameters,
  );
  if (!changes.parameters || !before) return step;
  const known = before.changes.parameters as Fields;
  const turned = Object.entries(changes.parameters as Fields).filter(([name, value]) => known[name] !== value);
  return { ...step, changes: { ...changes, parameters: Object.fromEntries(turned) } };
};

const saidOf = (step: Step, names: ReadonlyMap<string, string>): Said => {
  const { kind, entity, changes } = step;
  const name = nameOf(step, names);
  if (kind === "create") return { entity, name, words: "new" };
  if (kind === "delete") return { entity, name, words: "deleted" };
  if (kind === "reorder") return { entity, name: "", words: "in another order" };
  return { entity, name, words: phraseOf(entity, changes) };
};

const sentence = (alike: readonly Said[]): string => {
  const { entity, name, words } = alike[0] as Said;
  if (entity === "project") return words;
  const noun = nounOf(entity);
  if (words === "in another order") return `${noun}s ${words}`;
  const one = entity === "device" ? name || noun : `${noun}${name ? ` “${name}”` : ""}`;
  const subject = alike.length > 1 ? `${alike.length} ${noun}s` : one;
  return words === "new"
    ? alike.length > 1
      ? `${alike.length} new ${noun}s`
      : `new ${subject}`
    : `${subject} ${words}`;
};

/** What steps that belong together come to, in a few words each; what happened alike to several things is said once. */
export const wordsOf = (steps: readonly Step[], all: readonly Step[] = steps): string[] => {
  const names = namesIn(all);
  const groups = new Map<string, Said[]>();
  for (const said of steps.map((step) => saidOf(turnedOnly(step, all), names))) {
    const own = said.entity === "track" || said.words.includes("“") ? said.name : "";
    const key =
      said.words === "new" || said.words === "deleted"
        ? `${said.entity} ${said.words}`
        : `${said.entity} ${said.words} ${own}`;
    groups.set(key, [...(groups.get(key) ?? []), said]);
  }
  return [...groups.values()].map(sentence);
};
