import type { Edit } from "./store";

/**
 * Edits that the server has not answered yet, kept in this browser: a page that is loaded again sends them, and the
 * server does each once, by its `clientOperationId`. Every tab keeps its own.
 */
interface Kept {
  at: number; // ms of `Date.now`
  edits: readonly Edit[];
}

const PREFIX = "dawg.edits";
const TAB = "dawg.tab";
const MOST = 500; // edits
const LARGEST = 2_000_000; // characters
const OLDEST = 7 * 86_400_000; // ms

const tab = ((): string => {
  const known = sessionStorage.getItem(TAB) ?? crypto.randomUUID();
  sessionStorage.setItem(TAB, known);
  return known;
})();
const keyOf = (projectId: string): string => `${PREFIX} ${projectId} ${tab}`;

/** Whether all of them are kept; with none, what was kept is forgotten. */
export const keepEdits = (projectId: string, edits: readonly Edit[]): boolean => {
  if (edits.length === 0) {
    localStorage.removeItem(keyOf(projectId));
    return true;
  }
  const text = JSON.stringify({ at: Date.now(), edits } satisfies Kept);
  if (edits.length > MOST || text.length > LARGEST) return false;
  try {
    localStorage.setItem(keyOf(projectId), text);
    return true;
  } catch {
    return false; // there is no room
  }
};

/** What was kept for a project, by tabs that are closed as well. */
export const keptEdits = (projectId: string): Edit[] => {
  const found = new Map<string, Edit>();
  for (const key of Object.keys(localStorage).filter((each) => each.startsWith(`${PREFIX} ${projectId} `))) {
    const kept = parsed(localStorage.getItem(key));
    if (kept && Date.now() - kept.at < OLDEST) for (const edit of kept.edits) found.set(edit.id, edit);
    if (key !== keyOf(projectId)) localStorage.removeItem(key); // this tab keeps them from now on
  }
  return [...found.values()];
};

const parsed = (text: string | null): Kept | null => {
  try {
    return JSON.parse(text ?? "null") as Kept | null;
  } catch {
    return null;
  }
};
