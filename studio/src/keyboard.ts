import { signal } from "@preact/signals";
import {
  copy,
  crossfade,
  cut,
  glue,
  nudge,
  paste,
  removeSelected,
  repeat,
  selectAll,
  split,
} from "./arrangement/actions";
import { zoomBy, zoomToFit, zoomToSelection } from "./arrangement/layout";
import { redo, toggleLoop, undo } from "./project/edits";
import { mayEdit } from "./project/store";
import { toggle as record } from "./recording/recorder";
import { player } from "./sound/player";
import { panel, selectedClips } from "./view";

/** Whether the sheet of keys is open. */
export const sheetOpen = signal(false);

interface Shortcut {
  keys: string; // as the sheet shows them, and as `nameOf` names an event
  does: string;
  run: () => unknown;
  edits?: boolean;
}

/** With the keys on them: arrows and Enter write there. */
export const openNotes = (): void => {
  panel.value = "notes";
  requestAnimationFrame(() => document.querySelector<HTMLElement>(".roll canvas")?.focus());
};

/** Every key that works anywhere on the page, for the listener and for the sheet behind `?`. */
export const shortcuts: Shortcut[] = [
  { keys: "Space", does: "play and stop", run: () => player.toggle() },
  { keys: "Home", does: "back to the beginning", run: () => player.seek(0) },
  { keys: "R", does: "record and stop", run: record, edits: true },
  { keys: "L", does: "loop on and off", run: toggleLoop, edits: true },
  { keys: "M", does: "metronome on and off", run: () => (player.metronome.value = !player.metronome.value) },
  { keys: "Ctrl Z", does: "undo", run: undo, edits: true },
  { keys: "Ctrl Shift Z", does: "redo", run: redo, edits: true },
  { keys: "S", does: "split at the playhead", run: () => split(), edits: true },
  { keys: "Ctrl D", does: "duplicate", run: () => repeat(), edits: true },
  { keys: "Ctrl C", does: "copy", run: copy },
  { keys: "Ctrl X", does: "cut", run: cut, edits: true },
  { keys: "Ctrl V", does: "paste at the playhead", run: () => paste(), edits: true },
  { keys: "Ctrl A", does: "select all clips", run: selectAll },
  { keys: "X", does: "crossfade what overlaps", run: crossfade, edits: true },
  { keys: "G", does: "glue clips of notes", run: glue, edits: true },
  { keys: "Alt ArrowLeft", does: "move what is selected earlier", run: () => nudge(-1, 0), edits: true },
  { keys: "Alt ArrowRight", does: "move what is selected later", run: () => nudge(1, 0), edits: true },
  { keys: "+", does: "zoom in", run: () => zoomBy(1.5) },
  { keys: "-", does: "zoom out", run: () => zoomBy(1 / 1.5) },
  { keys: "Z", does: "zoom to what is selected", run: zoomToSelection },
  { keys: "Shift Z", does: "zoom to everything", run: zoomToFit },
  { keys: "Delete", does: "delete what is selected", run: removeSelected, edits: true },
  { keys: "Backspace", does: "delete what is selected", run: removeSelected, edits: true },
  { keys: "N", does: "the notes of the selected clip", run: openNotes },
  { keys: "?", does: "this sheet", run: () => (sheetOpen.value = !sheetOpen.value) },
  { keys: "Escape", does: "select nothing", run: () => (selectedClips.value = new Set()) },
];

const nameOf = ({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): string => {
  const named = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
  const held = [
    ctrlKey || metaKey ? "Ctrl " : "",
    altKey ? "Alt " : "",
    shiftKey && !"?+".includes(named) ? "Shift " : "",
  ];
  return held.join("") + named;
};

/** Whoever writes or turns a knob means that, and not the page. */
const isTaken = (target: EventTarget | null, name: string): boolean => {
  const element = target as HTMLElement | null;
  if (document.querySelector("dialog[open]")) return true; // it closes with Escape, and hides the rest
  if (!element?.matches) return false;
  if (element.matches("input:not([type=range], [type=radio], [type=checkbox]), textarea, select")) return true;
  return element.matches("button, a") && (name === "Space" || name === "Enter");
};

export const listenToKeys = (): (() => void) => {
  const listen = (event: KeyboardEvent) => {
    const name = nameOf(event);
    const found = shortcuts.find(({ keys }) => keys === name);
    if (!found || isTaken(event.target, name) || event.defaultPrevented) return;
    if (found.edits && !mayEdit.value) return;
    event.preventDefault();
    found.run();
  };
  // A button that was clicked does not keep the keys: the space bar plays. Who walks with Tab keeps them.
  const release = ({ target }: MouseEvent) => {
    const button = (target as Element | null)?.closest?.("button");
    if (button && !button.matches(":focus-visible")) button.blur();
  };
  window.addEventListener("keydown", listen);
  window.addEventListener("click", release);
  return () => {
    window.removeEventListener("keydown", listen);
    window.removeEventListener("click", release);
  };
};
