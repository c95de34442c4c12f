import { computed, signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { socket } from "../api/sockets";
import { openProject, people } from "../project/connection";
import { acknowledged, clips } from "../project/store";
import { notify } from "../ui/notices";
import { selectedClips, selectedTrack } from "../view";
import { type Step, wordsOf } from "./words";

export type Version = Schemas["Version"];

/** Steps of one person that belong together, as undo takes them back. */
export interface Turn {
  groupId: string;
  actorId: string;
  source: string;
  at: Date;
  words: string[];
  about: readonly { entity: string; id: string }[];
}

export const versions = signal<readonly Version[]>([]);
export const turns = signal<readonly Turn[]>([]);

/** By whom, where not all are shown. */
export const actor = signal<string | null>(null);
export const actors = computed(() => [...new Set(turns.value.map(({ actorId }) => actorId))]);
export const shown = computed(() =>
  turns.value.filter(
    ({ actorId }) => actor.value === null || actorId === actor.value || !actors.value.includes(actor.value),
  ),
);

/** Who is looking; only one's own steps can be taken back. */
export const me = signal("");

const SHOWN = 300; // of the newest steps
const TRAVELS = new Set(["undo", "redo"]);

export const load = async (): Promise<void> => {
  const path = { project_id: openProject() };
  const since = Math.max(0, (acknowledged.peek()?.project.revision ?? 0) - SHOWN);
  const [listed, log, who] = await Promise.all([
    answered(api.GET("/api/projects/{project_id}/versions", { params: { path } })),
    answered(api.GET("/api/projects/{project_id}/operations", { params: { path, query: { since } } })),
    me.peek() ? null : answered(api.GET("/api/auth/me")),
  ]);
  if (who) me.value = String(who.user?.id ?? "");
  versions.value = listed.versions ?? [];
  turns.value = grouped(log.operations);
};

const grouped = (steps: readonly Step[]): Turn[] => {
  const groups = new Map<string, Step[]>();
  for (const step of steps) groups.set(step.groupId, [...(groups.get(step.groupId) ?? []), step]);
  return [...groups]
    .map(([groupId, own]): Turn => {
      const { actorId, source, createdAt } = own[0] as Step;
      const about = own.flatMap(({ entity, entityId }) => (entityId ? [{ entity, id: entityId }] : []));
      return { groupId, actorId, source, at: new Date(createdAt), words: wordsOf(own, steps), about };
    })
    .reverse();
};

export const nameOf = (actorId: string): string =>
  people.value.find(({ userId }) => userId === actorId)?.username ?? actorId;

/** Selects what a turn was about, as far as it is still there. */
export const show = ({ about }: Turn): void => {
  const found = about.flatMap(({ entity, id }) => (entity === "clip" && clips.peek().has(id) ? [id] : []));
  selectedClips.value = new Set(found);
  const track = about.find(({ entity }) => entity === "track")?.id ?? clips.peek().get(found[0] ?? "")?.trackId;
  if (track) selectedTrack.value = track;
};

/** Whether this person can take it back. */
export const isOwn = ({ groupId, actorId, source }: Turn): boolean =>
  actorId === me.value && !TRAVELS.has(source) && !undone.value.has(groupId);

/** Groups that are known to have been taken back and not repeated since. */
export const undone = signal<ReadonlySet<string>>(new Set());
socket.on("project:undone", ({ groupIds }) => {
  undone.value = new Set([...undone.value, ...groupIds]);
});
socket.on("project:redone", ({ groupIds }) => {
  undone.value = new Set([...undone.value].filter((id) => !groupIds.includes(id)));
});

const takeBack = (groupId: string) => {
  const params = { path: { project_id: openProject() } };
  return answered(api.POST("/api/projects/{project_id}/undo", { params, body: { groupId } }));
};

/** Takes one turn back, whatever came after it. */
export const undoTurn = ({ groupId }: Turn): Promise<void> => attempt(takeBack(groupId));

/** Takes back all own turns after this one, the newest first; what others have done since stays. */
export const goBackTo = async (turn: Turn): Promise<void> => {
  const newer = turns.peek().slice(0, turns.peek().indexOf(turn));
  const own = newer.filter(isOwn);
  let taken = 0;
  for (const { groupId } of own) {
    // One that was taken back before is refused, and that is as it should be.
    const reply = await takeBack(groupId).catch(() => null);
    if (reply?.steps) taken++;
  }
  const others = newer.filter(({ actorId }) => actorId !== me.peek()).length;
  const stays = others > 0 ? ` What others have done since stays: ${others} steps.` : "";
  notify("news", `${taken === 1 ? "1 step" : `${taken} steps`} taken back.${stays}`);
  await load();
};

export const saveVersion = async (name: string): Promise<void> => {
  const params = { path: { project_id: openProject() } };
  await attempt(answered(api.POST("/api/projects/{project_id}/versions", { params, body: { name: name || null } })));
};

export const restoreVersion = async (number: number): Promise<void> => {
  const params = { path: { project_id: openProject(), number: String(number) } };
  await attempt(answered(api.POST("/api/projects/{project_id}/versions/{number}/restore", { params, body: {} })));
};

const attempt = async (request: Promise<unknown>): Promise<void> => {
  try {
    await request;
    await load();
  } catch (error) {
    notify("trouble", (error as Error).message);
  }
};
