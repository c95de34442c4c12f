import { effect, signal } from "@preact/signals";
import { socket } from "../api/sockets";
import { heldBy, heldTracks, released } from "../people/held-tracks";
import { notify } from "../ui/notices";
import { appliedAll, fromSnapshot, goneSends, type Operation, operationsOf } from "./document";
import type { Recording } from "./entities";
import { keepEdits, keptEdits } from "./kept-edits";
import { acknowledged, type Edit, recordings, remember, waiting } from "./store";

/** `online` while the room of the project is joined; `offline` edits wait, and are sent afterwards. */
export const connection = signal<"connecting" | "online" | "offline">("connecting");

export interface Person {
  userId: string;
  username: string;
  role: string;
  [more: string]: unknown;
}
export const people = signal<readonly Person[]>([]);

/** Why the project cannot be opened, in the server's words; "" as long as it can. */
export const refused = signal("");

interface Answer {
  success: boolean;
  error?: string;
  code?: string;
  revision?: number;
  operations?: Operation[];
  [more: string]: unknown;
}
interface Joined extends Answer {
  project?: Record<string, unknown>;
  members: Person[];
  locks: { trackId: string; holder: Person; expiresAt?: string }[];
}
type Event = Record<string, unknown>;

const PATIENCE = 1000; // ms that an event may be overtaken by later ones before what is missing is asked for
const ANSWER = 15_000; // ms until an edit without an answer is sent again
const KEEP = 300; // ms after the newest edit until those that wait are kept
const AGAIN = 3000; // ms until what could not be done now is tried again
const LATER = new Set(["dependency_unavailable", "draining", "contention", "rate_limited", "not_joined", "timeout"]);

let projectId = "";
let early = new Map<number, Operation[]>(); // by revision: what came before its predecessors
let gap: ReturnType<typeof setTimeout> | undefined;
const answers = new Map<string, (answer: Answer) => void>(); // by edit

/** Opens a project on the socket, and keeps it open through all that happens to the connection. */
export const open = (id: string): void => {
  if (projectId && projectId !== id) {
    keepNow(); // they are sent when this project is opened again
    socket.emit("leave:project", { projectId }, () => {});
  }
  projectId = id;
  acknowledged.value = null;
  waiting.value = keptEdits(id);
  recordings.value = new Map();
  refused.value = "";
  heldTracks.value = new Map();
  early = new Map();
  if (socket.connected) join();
  else socket.connect();
};

export const openProject = (): string => projectId;

const emit = (event: string, payload: Event, wait = ANSWER): Promise<Answer> =>
  // The names of events are checked where edits are made.
  (socket as unknown as { timeout: (ms: number) => { emitWithAck: (name: string, payload: Event) => Promise<Answer> } })
    .timeout(wait)
    .emitWithAck(event, payload)
    .catch(() => ({ success: false, code: "timeout", error: "The server does not answer." }));

const join = async (): Promise<void> => {
  clearTimeout(gap);
  gap = undefined;
  const id = projectId;
  const since = acknowledged.value?.project.revision;
  const answer = (await emit("join:project", { projectId: id, ...(since === undefined ? {} : { since }) })) as Joined;
  if (id !== projectId) return;
  if (!answer.success) {
    if (answer.code === "timeout" || LATER.has(answer.code ?? "")) setTimeout(rejoin, AGAIN);
    else refused.value = answer.error ?? "This song can't be opened.";
    return;
  }
  if (answer.project) {
    acknowledged.value = fromSnapshot(answer.project);
    remember(...((answer.project.audioFiles ?? []) as Recording[]));
  } else {
    for (const each of answer.operations ?? []) arrive(Number(each.revision), [each]);
  }
  people.value = answer.members;
  heldTracks.value = new Map();
  for (const { trackId, holder, expiresAt } of answer.locks) heldBy(trackId, holder, expiresAt);
  connection.value = "online";
  for (const edit of waiting.value) void send(edit);
};

const rejoin = (): void => {
  if (socket.connected && projectId) void join();
};

/** What the newest steps were about, for whoever wants to show it. */
export interface Touched {
  revision: number;
  groupId: string;
  entity: string;
  id: string;
}
export const touched = signal<readonly Touched[]>([]);
const MOST_TOUCHED = 1000;

const note = (revision: number, groupId: unknown, operations: readonly Operation[]): void => {
  const about = operations.flatMap(({ entity, entityId }) =>
    entityId ? [{ revision, groupId: String(groupId ?? ""), entity, id: entityId }] : [],
  );
  if (about.length > 0) touched.value = [...touched.value, ...about].slice(-MOST_TOUCHED);
};

/** Takes steps in the order of their revisions, whatever the order in which they come. */
const arrive = (revision: number, operations: Operation[]): void => {
  const base = acknowledged.value;
  if (!base || revision <= base.project.revision) return;
  early.set(revision, operations);
  let document = base;
  for (let next = revision; ; ) {
    next = document.project.revision + 1;
    const found = early.get(next);
    if (!found) break;
    early.delete(next);
    document = appliedAll(document, found);
    document = { ...document, project: { ...document.project, revision: next } };
  }
  if (document !== base) acknowledged.value = document;
  if (early.size === 0) {
    clearTimeout(gap);
    gap = undefined;
  } else {
    gap ??= setTimeout(() => {
      early.clear();
      rejoin();
    }, PATIENCE);
  }
};

/** Shows an edit at once and sends it; resolves with the server's answer, also after an interruption. */
export const edit = (made: Omit<Edit, "id">): Promise<Answer> => {
  const whole: Edit = { ...made, id: crypto.randomUUID() };
  // A drag changes faster than it is worth telling: of what waits for its turn the newest counts.
  const older = waiting.value.filter((each) => isFollowed(each, whole) && !sent.has(each.id));
  waiting.value = [...waiting.value.filter((each) => !older.includes(each)), whole];
  for (const { id } of older) answers.delete(id);
  if (connection.value === "online") void send(whole);
  return new Promise((resolve) => answers.set(whole.id, resolve));
};

/** Whether a later edit of the same drag says all that an earlier one has said. */
const isFollowed = (earlier: Edit, later: Edit): boolean =>
  later.gesture !== undefined && earlier.gesture === later.gesture && aboutOf(earlier) === aboutOf(later);
const aboutOf = ({ event, operations }: Edit): string =>
  [event, ...operations.map(({ entityId, changes }) => [entityId, ...Object.keys(changes)].join())].join(" ");

const sent = new Set<string>(); // edits whose answer is on its way

/** What is new has an id of this page's own until the server has given it one. */
const madeBy = ({ operations }: Edit): string[] =>
  operations.flatMap(({ kind, entityId }) => (kind === "create" && entityId ? [entityId] : []));

/** Whether an edit is about something that another one is still making. */
const hasToWait = (whole: Edit): boolean => {
  const making = waiting.value.flatMap((each) => (each === whole ? [] : madeBy(each)));
  if (making.length === 0) return false;
  const text = JSON.stringify(whole.payload);
  return making.some((id) => text.includes(id));
};

/** Told of each id of this page's own, and of the one that it has become. */
export const renamed = signal<{ from: string; to: string } | null>(null);

/** Lets edits that wait, and whoever has selected it, know what is new by its real id. */
const rename = (whole: Edit, answer: Answer): void => {
  for (const { kind, entity, entityId } of whole.operations) {
    const id = (answer[entity] as { id?: string } | undefined)?.id;
    if (kind !== "create" || !entityId || !id) continue;
    waiting.value = waiting.value.map((each) =>
      JSON.stringify(each).includes(entityId) && !sent.has(each.id)
        ? (JSON.parse(JSON.stringify(each).replaceAll(entityId, id)) as Edit)
        : each,
    );
    renamed.value = { from: entityId, to: id };
  }
};

const send = async (whole: Edit): Promise<void> => {
  const { id, gesture } = whole;
  if (hasToWait(whole)) return; // until that is there
  if (gesture && waiting.value.some((each) => each.gesture === gesture && sent.has(each.id))) return; // it follows
  sent.add(id);
  const how = gesture ? { clientOperationId: id, gesture } : { clientOperationId: id };
  const answer = await emit(whole.event, { projectId, ...whole.payload, ...how });
  sent.delete(id);
  if (!waiting.value.some(({ id }) => id === whole.id)) return; // answered already, before the connection was lost
  if (!answer.success && (LATER.has(answer.code ?? "") || !socket.connected)) {
    if (socket.connected) setTimeout(() => connection.value === "online" && void send(whole), AGAIN);
    return; // what is not connected is sent when it is again
  }
  for (const each of answer.operations ?? []) arrive(Number(each.revision), [each]);
  waiting.value = waiting.value.filter(({ id }) => id !== whole.id);
  if (madeBy(whole).length > 0) {
    if (answer.success) rename(whole, answer);
    for (const each of waiting.value) if (!sent.has(each.id)) void send(each);
  }
  answers.get(whole.id)?.(answer);
  answers.delete(whole.id);
  if (!answer.success) notify("trouble", answer.error ?? "This change was refused.");
  const next = gesture && waiting.value.find((each) => each.gesture === gesture);
  if (next) void send(next);
};

socket.on("connect", () => {
  if (projectId) void join();
});
socket.on("disconnect", () => {
  connection.value = "offline";
});

socket.onAny((name: string, event: Event) => {
  if (!event || event.projectId !== projectId) return;
  if (typeof event.revision === "number" && acknowledged.value && !name.startsWith("daw:")) {
    const gone = goneSends(acknowledged.value, name, event);
    const operations = [...operationsOf(name, event), ...gone];
    note(event.revision, event.groupId, operations);
    arrive(event.revision, operations);
  }
  if (name === "collaborator:joined" || name === "collaborator:left") void refreshPeople(event);
  if (name === "track:locked") heldBy(String(event.trackId), event as unknown as Person, event.expiresAt);
  else if (name === "track:unlocked") released(String(event.trackId));
});

const refreshPeople = (event: Event): void => {
  const userId = String(event.userId);
  const others = people.value.filter((each) => each.userId !== userId);
  const stays = Number(event.connections) > 0;
  people.value = stays
    ? [...others, { ...event, userId, username: String(event.username), role: String(event.role) }]
    : others;
};

/** The browser knows of a lost network long before a ping does. */
window.addEventListener("offline", () => {
  connection.value = "offline";
});
window.addEventListener("online", () => {
  if (socket.connected) rejoin();
  else socket.connect();
});

let keeping: ReturnType<typeof setTimeout> | undefined;
const keepNow = (): void => {
  clearTimeout(keeping);
  const kept = !projectId || keepEdits(projectId, waiting.peek());
  window.onbeforeunload = kept ? null : (event) => event.preventDefault();
};
window.addEventListener("pagehide", keepNow);
effect(() => {
  clearTimeout(keeping);
  keeping = setTimeout(keepNow, waiting.value.length > 0 ? KEEP : 0);
});
