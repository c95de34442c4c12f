import { signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { openProject, people } from "../project/connection";
import { acknowledged } from "../project/store";
import { notify } from "../ui/notices";

export type Version = Schemas["Version"];

/** Steps of one person that belong together, as undo takes them back. */
export interface Turn {
  groupId: string;
  actorId: string;
  source: string;
  at: Date;
  words: string[];
}

export const versions = signal<readonly Version[]>([]);
export const turns = signal<readonly Turn[]>([]);

const SHOWN = 200; // of the newest steps

type Step = NonNullable<Schemas["Operations"]["operations"]>[number] & {
  groupId?: string;
  actorId?: string;
  source?: string;
  kind?: string;
  entity?: string;
  changes?: Record<string, unknown>;
  createdAt?: string;
};

export const load = async (): Promise<void> => {
  const path = { project_id: openProject() };
  const since = Math.max(0, (acknowledged.peek()?.project.revision ?? 0) - SHOWN);
  const [listed, log] = await Promise.all([
    answered(api.GET("/api/projects/{project_id}/versions", { params: { path } })),
    answered(api.GET("/api/projects/{project_id}/operations", { params: { path, query: { since } } })),
  ]);
  versions.value = listed.versions ?? [];
  turns.value = grouped((log.operations ?? []) as Step[]);
};

const grouped = (steps: readonly Step[]): Turn[] => {
  const found = new Map<string, Turn>();
  for (const {
    groupId = "",
    actorId = "",
    source = "",
    kind = "",
    entity = "",
    changes = {},
    createdAt = "",
  } of steps) {
    const turn = found.get(groupId) ?? { groupId, actorId, source, at: new Date(createdAt), words: [] };
    turn.words.push(wordsOf(kind, entity, changes));
    found.set(groupId, turn);
  }
  return [...found.values()].reverse();
};

const wordsOf = (kind: string, entity: string, changes: Record<string, unknown>): string => {
  if (kind === "update") return `${entity}: ${Object.keys(changes).join(", ")}`;
  if (kind === "create") return `new ${entity}${changes.name ? ` “${changes.name}”` : ""}`;
  return kind === "delete" ? `${entity} deleted` : `${entity}s in another order`;
};

export const nameOf = (actorId: string): string =>
  people.value.find(({ userId }) => userId === actorId)?.username ?? actorId;

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
