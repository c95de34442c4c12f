import { type Entity, isKind, type Kind, type Kinds, PLURALS, type Project, WITHIN_TRACKS } from "./entities";

/** One step of a document's history, as `GET /api/projects/:id/operations` and the acks of edits tell it. */
export interface Operation {
  revision?: number;
  kind: "create" | "update" | "delete" | "reorder";
  entity: string;
  entityId: string | null;
  changes: Record<string, unknown>;
}

type Entities<K extends Kind> = ReadonlyMap<string, Kinds[K]>;
export type Collections = { readonly [K in Kind]: Entities<K> };

/** A project and everything in it. It never changes: each step makes another one, which shares what stays. */
export interface Document {
  readonly project: Project;
  readonly entities: Collections;
}

const empty = (): Record<Kind, Map<string, Entity>> =>
  Object.fromEntries(Object.keys(PLURALS).map((kind) => [kind, new Map()])) as Record<Kind, Map<string, Entity>>;

/** From a whole project, as `join:project` and `GET /api/projects/:id` tell it. */
export const fromSnapshot = (snapshot: Record<string, unknown>): Document => {
  const entities = empty();
  const take = (kind: Kind, holder: Record<string, unknown>) => {
    for (const each of (holder[PLURALS[kind]] ?? []) as Entity[]) entities[kind].set(each.id, each);
  };
  for (const kind of Object.keys(PLURALS) as Kind[]) if (!WITHIN_TRACKS.includes(kind)) take(kind, snapshot);
  for (const track of entities.track.values()) {
    for (const kind of WITHIN_TRACKS) take(kind, track);
    const own = Object.entries(track).filter(([name]) => !WITHIN_TRACKS.some((kind) => PLURALS[kind] === name));
    entities.track.set(track.id, Object.fromEntries(own) as Entity);
  }
  const lists = new Set(["audioFiles", "collaborators", "project", "success", ...Object.values(PLURALS)]);
  const fields = Object.entries(snapshot).filter(([name]) => !lists.has(name));
  return { project: Object.fromEntries(fields) as Project, entities: entities as unknown as Collections };
};

/** The document after many steps; each collection is copied once. */
export const appliedAll = (document: Document, operations: readonly Operation[]): Document => {
  const fresh = new Set<ReadonlyMap<string, Entity>>();
  return operations.reduce((known, operation) => applied(known, operation, fresh), document);
};

/** The document after one step. What is already so, stays the same object. `fresh`: collections that nobody else has. */
export const applied = (
  document: Document,
  operation: Operation,
  fresh?: Set<ReadonlyMap<string, Entity>>,
): Document => {
  const { kind, entity, entityId, changes } = operation;
  const revision = Math.max(document.project.revision, operation.revision ?? 0);
  if (entity === "project") return { ...document, project: { ...document.project, ...changes, revision } };
  const project = revision === document.project.revision ? document.project : { ...document.project, revision };
  if (!isKind(entity)) return { ...document, project }; // a kind that this page does not know yet
  const before = document.entities[entity] as ReadonlyMap<string, Entity>;
  const after = fresh?.has(before) ? (before as Map<string, Entity>) : new Map(before);
  fresh?.add(after);
  if (kind === "reorder") {
    for (const { id, order } of changes[`${entity}Orders`] as { id: string; order: number }[]) {
      const known = before.get(id);
      if (known) after.set(id, { ...known, order });
    }
  } else if (entityId === null) {
    return document;
  } else if (kind === "delete") {
    after.delete(entityId);
  } else if (kind === "create" || before.has(entityId)) {
    after.set(entityId, { ...before.get(entityId), ...changes, id: entityId });
  }
  let entities: Collections = { ...document.entities, [entity]: after };
  if (entity === "track" && kind === "delete" && entityId) entities = withoutTrack(entities, entityId);
  return { project, entities };
};

/** What is on a track goes with it; the server tells of that as well, but not while the edit is on its way. */
const withoutTrack = (entities: Collections, trackId: string): Collections => {
  const kept: Record<string, ReadonlyMap<string, Entity>> = { ...entities };
  for (const kind of WITHIN_TRACKS) {
    const left = [...(entities[kind] as ReadonlyMap<string, Entity>)].filter(([, each]) => each.trackId !== trackId);
    kept[kind] = new Map(left);
  }
  return kept as unknown as Collections;
};

const EVENT = /^(\w+):(created|updated|deleted|reordered)$/;

/** The steps that an event of the room tells, if it is one about the document. */
export const operationsOf = (name: string, event: Record<string, unknown>): Operation[] => {
  const revision = Number(event.revision);
  if (name === "lyrics:updated") {
    const trackId = event.trackId as string | null;
    const changes = { lyrics: event.lyrics };
    return [{ revision, kind: "update", entity: trackId ? "track" : "project", entityId: trackId, changes }];
  }
  const [, entity = "", verb = ""] = EVENT.exec(name) ?? [];
  if (entity === "project" && verb === "updated") {
    return [{ revision, kind: "update", entity, entityId: null, changes: event.update as Record<string, unknown> }];
  }
  if (!isKind(entity)) return [];
  const whole = event[entity] as Entity | undefined;
  const entityId = (event[`${entity}Id`] as string | undefined) ?? whole?.id ?? null;
  if (verb === "reordered") {
    const orders = `${entity}Orders`;
    return [{ revision, kind: "reorder", entity, entityId: null, changes: { [orders]: event[orders] } }];
  }
  if (verb === "deleted") return [{ revision, kind: "delete", entity, entityId, changes: {} }];
  const parts = entity === "track" && whole ? sendsOf(whole, revision) : [];
  const { sends: _, clips: __, ...fields } = (verb === "created" ? whole : (event.changes ?? {})) as Entity;
  return [{ revision, kind: verb === "created" ? "create" : "update", entity, entityId, changes: fields }, ...parts];
};

/** Sends are told as a part of their track: all that it has by now. */
const sendsOf = (track: Entity, revision: number): Operation[] =>
  ((track.sends ?? []) as Entity[]).map((send) => ({
    revision,
    kind: "create",
    entity: "send",
    entityId: send.id,
    changes: { ...send, trackId: track.id },
  }));

/** The track's sends that are not told any more are gone. */
export const goneSends = (document: Document, name: string, event: Record<string, unknown>): Operation[] => {
  const track = name === "track:updated" ? (event.track as Entity | undefined) : undefined;
  if (!track?.sends) return [];
  const told = new Set((track.sends as Entity[]).map(({ id }) => id));
  return [...document.entities.send.values()]
    .filter((send) => send.trackId === track.id && !told.has(send.id))
    .map((send) => ({ kind: "delete", entity: "send", entityId: send.id, changes: {} }));
};

/** By their places, and tracks of the same place by their age. */
export const inOrder = <Each extends Entity>(entities: Iterable<Each>): Each[] =>
  [...entities].sort((one, other) => (one.order ?? 0) - (other.order ?? 0));
