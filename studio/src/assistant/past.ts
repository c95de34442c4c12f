import { answered, api, type Schemas } from "../api/client";
import { type Touched, touched } from "../project/connection";

/** What a function of the assistant has changed, by its call: the conversation itself does not tell. */
interface Change {
  revision?: number | undefined;
  undone?: boolean | undefined;
}

const KEY = "dawg.changes"; // in this browser's storage
const MOST = 300; // calls that are remembered

const read = (): [string, Change][] => {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as [string, Change][];
  } catch {
    return [];
  }
};

export const rememberChange = (callId: string, change: Change): void => {
  const others = read().filter(([id]) => id !== callId);
  localStorage.setItem(KEY, JSON.stringify([...others, [callId, change]].slice(-MOST)));
};

/** Something that was said, with what was done beside it. */
export interface Past {
  id: string;
  role: "user" | "assistant";
  text: string;
  calls: readonly (Change & { callId: string; name: string; done: boolean })[];
}

const LISTED = 100; // conversations that are looked through for the one about a song

/** The newest conversation about a song and what was said in it; null where there is none. */
export const lastConversation = async (projectId: string): Promise<{ id: string; said: Past[] } | null> => {
  const { conversations = [] } = await answered(
    api.GET("/api/ai-brain/conversations", { params: { query: { limit: LISTED } } }),
  );
  const id = conversations.find((each) => each.projectId === projectId)?.id;
  if (!id) return null;
  const { messages = [] } = await answered(
    api.GET("/api/ai-brain/conversations/{conversation_id}", { params: { path: { conversation_id: id } } }),
  );
  const said = joined(messages);
  await learnTouched(projectId, said);
  return { id, said };
};

/** One answer may stand in several rows: what was said before a function was called, and what after it. */
const joined = (rows: readonly Schemas["ConversationMessage"][]): Past[] => {
  const changes = new Map(read());
  const found: Past[] = [];
  for (const { id = "", role, content = "", functionCalls = [] } of rows) {
    const calls = functionCalls.map(({ callId = "", name = "", executed = false }) => ({
      callId,
      name,
      done: executed,
      ...changes.get(callId),
    }));
    const before = found.at(-1);
    if (role === "assistant" && before?.role === "assistant") {
      const text = [before.text, content].filter(Boolean).join("\n");
      found[found.length - 1] = { ...before, text, calls: [...before.calls, ...calls] };
    } else found.push({ id, role: role === "user" ? "user" : "assistant", text: content, calls });
  }
  return found;
};

/** So that a chip can show what its change was about, as it does when the change has just been made. */
const learnTouched = async (projectId: string, said: readonly Past[]): Promise<void> => {
  const revisions = said.flatMap(({ calls }) => calls.flatMap(({ revision }) => revision ?? []));
  if (revisions.length === 0) return;
  const params = {
    path: { project_id: projectId },
    query: { since: Math.max(0, Math.min(...revisions) - 50), limit: 1000 },
  };
  const { operations } = await answered(api.GET("/api/projects/{project_id}/operations", { params }));
  const about = operations.flatMap(({ revision, groupId, entity, entityId }): Touched[] =>
    entityId ? [{ revision, groupId, entity, id: entityId }] : [],
  );
  touched.value = [...about, ...touched.value];
};
