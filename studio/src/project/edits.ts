import { edit } from "./connection";
import type { Operation } from "./document";
import type { Clip, Device, Kind, Kinds, Project, Send, Track } from "./entities";
import { looping } from "./store";

/** Fields of one entity or more that change; `gesture` joins what one drag sends into one step that can be undone. */
interface How {
  gesture?: string | undefined;
}

const update = (entity: string, entityId: string | null, changes: Record<string, unknown>): Operation => ({
  kind: "update",
  entity,
  entityId,
  changes,
});

export const change = <K extends Kind>(kind: K, id: string, changes: Partial<Kinds[K]>, { gesture }: How = {}) =>
  edit({
    event: `${kind}:update`,
    payload: { [`${kind}Id`]: id, changes },
    operations: [update(kind, id, changes)],
    gesture,
  });

/** `shown`: what it has besides until the server has told. */
export const create = <K extends Kind>(
  kind: K,
  fields: Partial<Kinds[K]>,
  shown: Partial<Kinds[K]> = {},
  { gesture }: How = {},
) =>
  edit({
    gesture,
    event: `${kind}:create`,
    payload: { [kind]: fields },
    operations: [{ kind: "create", entity: kind, entityId: crypto.randomUUID(), changes: { ...shown, ...fields } }],
  });

export const remove = (kind: Kind, id: string) =>
  edit({
    event: `${kind}:delete`,
    payload: { [`${kind}Id`]: id },
    operations: [{ kind: "delete", entity: kind, entityId: id, changes: {} }],
  });

export const updateProject = (changes: Partial<Project>, { gesture }: How = {}) =>
  edit({
    event: "project:update",
    payload: { update: changes },
    operations: [update("project", null, changes)],
    gesture,
  });

export const toggleLoop = () => updateProject({ looping: !looping.peek() });

export const updateLyrics = (lyrics: string | null) =>
  edit({ event: "lyrics:update", payload: { lyrics }, operations: [update("project", null, { lyrics })] });

const NEW_TRACK = {
  volume: 0.8,
  pan: 0,
  isMuted: false,
  isSolo: false,
  isArmed: false,
  order: Number.MAX_SAFE_INTEGER,
};

export const createTrack = (fields: Partial<Track> & { name: string }, { gesture }: How = {}) =>
  edit({
    gesture,
    event: "track:create",
    payload: { track: fields },
    operations: [
      { kind: "create", entity: "track", entityId: crypto.randomUUID(), changes: { ...NEW_TRACK, ...fields } },
    ],
  });
export const updateTrack = (id: string, changes: Partial<Track>, how?: How) => change("track", id, changes, how);
export const deleteTrack = (id: string) => remove("track", id);
export const reorderTracks = (trackOrders: { id: string; order: number }[]) =>
  edit({
    event: "track:reorder",
    payload: { trackOrders },
    operations: [{ kind: "reorder", entity: "track", entityId: null, changes: { trackOrders } }],
  });

/** A new group, whose fader, pan, mute and solo are for all of them. */
export const groupTracks = (trackIds: string[]) =>
  edit({ event: "tracks:group", payload: { trackIds }, operations: [] });
export const ungroupTracks = (trackId: string) =>
  edit({ event: "track:ungroup", payload: { trackId }, operations: [] });

const NEW_CLIP = { offset: 0, fadeIn: 0, fadeOut: 0, gain: 0, color: null, audioFileId: null, midiData: null };

export const createClip = (fields: Partial<Clip> & { trackId: string }, how?: How) =>
  create("clip", fields, NEW_CLIP, how);
export const updateClip = (id: string, changes: Partial<Clip>, how?: How) => change("clip", id, changes, how);
export const updateClips = (clipIds: string[], changes: Partial<Clip>) =>
  edit({
    event: "clips:update",
    payload: { clipIds, changes },
    operations: clipIds.map((id) => update("clip", id, changes)),
  });
/** Of each clip its own changes: one edit of all where they are alike, else one of each in the same step. */
export const updateEach = (changes: ReadonlyMap<string, Partial<Clip>>): Promise<unknown> => {
  const [first, ...others] = [...changes.values()].map((fields) => JSON.stringify(fields));
  const ids = [...changes.keys()];
  if (first && others.length > 0 && others.every((each) => each === first)) {
    return updateClips(ids, changes.get(ids[0] as string) as Partial<Clip>);
  }
  const gesture = crypto.randomUUID();
  return Promise.all([...changes].map(([id, fields]) => updateClip(id, fields, { gesture })));
};
/** Edits of whole clips, each one step to undo however many they are. */
type ClipEdit =
  | "clips:duplicate"
  | "clips:move"
  | "clips:delete"
  | "clips:glue"
  | "clips:crossfade"
  | "clips:transpose"
  | "clips:humanize"
  | "clips:velocity-ramp"
  | "clips:legato"
  | "clips:reverse-notes";
const editClips = (event: ClipEdit, clipIds: string[], how: object = {}, operations: Operation[] = []) =>
  edit({ event, payload: { clipIds, ...how }, operations });

export const splitClip = (clipId: string, beat: number) =>
  edit({ event: "clip:split", payload: { clipId, beat }, operations: [] });
/** Behind themselves, or to a beat, or to a track. */
export const duplicateClips = (clipIds: string[], where: { beat?: number; trackId?: string } = {}) =>
  editClips("clips:duplicate", clipIds, where);
/** `shown`: where each of them will be; with a track for each of them, or for none. */
export const moveClips = (beats: number, shown: ReadonlyMap<string, Partial<Clip>>) => {
  const trackIds = [...shown.values()].flatMap(({ trackId }) => trackId ?? []);
  return editClips(
    "clips:move",
    [...shown.keys()],
    { beats, ...(trackIds.length > 0 ? { trackIds } : {}) },
    [...shown].map(([id, changes]) => update("clip", id, changes)),
  );
};
export const deleteClips = (clipIds: string[]) =>
  editClips(
    "clips:delete",
    clipIds,
    {},
    clipIds.map((id) => ({ kind: "delete", entity: "clip", entityId: id, changes: {} })),
  );
/** Which take of a clip is heard when; of two that overlap the later one. In seconds of the clip's own recording. */
export const compTakes = (clipId: string, ranges: { takeId: string; start: number; end: number }[]) =>
  edit({ event: "takes:comp", payload: { clipId, ranges }, operations: [] });
export const glueClips = (clipIds: string[]) => editClips("clips:glue", clipIds);
export const crossfadeClips = (clipIds: [string, string]) => editClips("clips:crossfade", clipIds);
export const humanizeNotes = (clipIds: string[], seed: number) => editClips("clips:humanize", clipIds, { seed });
export const rampVelocities = (clipIds: string[], from: number, to: number) =>
  editClips("clips:velocity-ramp", clipIds, { from, to });
export const legatoNotes = (clipIds: string[]) => editClips("clips:legato", clipIds);
export const reverseNotes = (clipIds: string[]) => editClips("clips:reverse-notes", clipIds);
export const transposeNotes = (clipIds: string[], semitones: number) =>
  editClips("clips:transpose", clipIds, { semitones });

const NEW_SEND = { level: 0.8, pan: 0, preFader: false, enabled: true };

/** Single notes by their ids; `shown`: what the clip comes to here. */
export const editNotes = (
  clipId: string,
  notes: { add: readonly object[]; change: readonly object[]; remove: readonly string[] },
  shown: Partial<Clip>,
) => edit({ event: "notes:edit", payload: { clipId, ...notes }, operations: [update("clip", clipId, shown)] });

export const createSend = (fields: Partial<Send> & { trackId: string; destinationTrackId: string }) =>
  create("send", fields, NEW_SEND);
export const updateSend = (id: string, changes: Partial<Send>, how?: How) => change("send", id, changes, how);
export const deleteSend = (id: string) => remove("send", id);

export const createDevice = (fields: Pick<Device, "trackId" | "type"> & Partial<Device>) =>
  edit({ event: "device:create", payload: { device: fields }, operations: [] });
export const updateDevice = (id: string, changes: Partial<Device>, how?: How) => change("device", id, changes, how);
/** One parameter alone: the others stay as they are, whoever turns them meanwhile. */
export const turnKnob = ({ id, parameters }: Device, name: string, value: unknown, { gesture }: How = {}) =>
  edit({
    event: "device:update",
    payload: { deviceId: id, changes: { parameters: { [name]: value } } },
    operations: [update("device", id, { parameters: { ...parameters, [name]: value } })],
    gesture,
  });
export const deleteDevice = (id: string) => remove("device", id);

/** Notes on new tracks, that fit to what is there. */
export const writeParts = (wanted: {
  part: "drums" | "bass" | "chords" | "melody";
  genre: string;
  startBeat: number;
  bars: number;
  variations: number;
  likeClipId?: string;
}) => edit({ event: "parts:generate", payload: wanted, operations: [] });

/** Own steps; what others have changed since is skipped, and said. */
export const undo = () => edit({ event: "project:undo", payload: {}, operations: [] });
export const undoAlone = (revision: number) => edit({ event: "project:undo", payload: { revision }, operations: [] });
export const redo = () => edit({ event: "project:redo", payload: {}, operations: [] });
