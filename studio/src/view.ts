import { effect, signal } from "@preact/signals";
import { renamed } from "./project/connection";

/** What this person looks at and has selected; nobody else's document. */
export const selectedClips = signal<ReadonlySet<string>>(new Set());
export const selectedTrack = signal<string | null>(null);

effect(() => {
  const known = renamed.value;
  if (!known) return;
  const { from, to } = known;
  if (selectedTrack.peek() === from) selectedTrack.value = to;
  if (selectedClips.peek().has(from)) {
    selectedClips.value = new Set([...selectedClips.peek()].map((id) => (id === from ? to : id)));
  }
});

/** Of the arrangement: pixels per second, the second at its left edge, pixels that are scrolled down. */
export const zoom = signal(40);
export const left = signal(0);
export const top = signal(0);
export const trackHeight = signal(72);

/** Beats to which edits snap; `BAR`: to bars; 0: they don't. */
export const BAR = -1;
export const snap = signal(1);

/** Whether the arrangement turns its page with the playhead. */
export const following = signal(true);

export type Panel = "mixer" | "devices" | "notes" | "lyrics" | "ideas" | "finish" | "history" | "jobs" | null;
export const panel = signal<Panel>("mixer");
export const assistantOpen = signal(window.innerWidth > 1100);

export type Theme = "system" | "dark" | "light";
export const theme = signal<Theme>((localStorage.getItem("dawg.theme") as Theme | null) ?? "system");
effect(() => {
  localStorage.setItem("dawg.theme", theme.value);
  document.documentElement.dataset.theme = theme.value;
});
