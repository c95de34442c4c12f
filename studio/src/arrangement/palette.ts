import { computed } from "@preact/signals";
import { tracks } from "../project/store";

/** The colours of the page, for what is drawn on a canvas. They follow the theme. */
export interface Palette {
  ground: string;
  panel: string;
  line: string;
  faint: string;
  text: string;
  quiet: string;
  accent: string;
  shade: string;
  small: string; // a font
}

export const paletteOf = (element: Element): Palette => {
  const style = getComputedStyle(element);
  const value = (name: string) => resolved(style.getPropertyValue(`--${name}`), element);
  return {
    ground: value("ground"),
    panel: value("panel"),
    line: value("line"),
    faint: value("faint"),
    text: value("text"),
    quiet: value("quiet"),
    accent: value("accent"),
    shade: value("shade"),
    small: `11px ${style.fontFamily}`,
  };
};

/** A canvas does not know `light-dark()`; an element does. */
const resolved = (value: string, element: Element): string => {
  const probe = document.createElement("span");
  probe.style.color = value;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};

const HUES = ["#e8853d", "#4f9dde", "#59b36c", "#c37ad6", "#d9b13b", "#e06c75", "#3fb6a8", "#8f87e8"];

/** A place that stays the same for an id. */
const placeOf = (id: string): number => {
  let hash = 0x811c9dc5; // FNV-1a
  for (const letter of id) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return (hash >>> 0) % HUES.length;
};

/** Of the tracks without a colour: neighbours get different ones as long as there are enough. */
const ofTracks = computed(() => {
  const found = new Map<string, number>();
  for (const { id, color } of tracks.value) {
    if (color) continue;
    const taken = new Set([...found.values()].slice(-HUES.length + 1));
    let place = placeOf(id);
    while (taken.has(place)) place = (place + 1) % HUES.length;
    found.set(id, place);
  }
  return found;
});

/** What has no colour gets one of its own that stays. */
export const colourOf = (chosen: string | null | undefined, id: string): string =>
  chosen ?? (HUES[ofTracks.value.get(id) ?? placeOf(id)] as string);
