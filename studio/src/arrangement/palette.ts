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

/** A track without a colour gets one of its own that stays. */
export const colourOf = (chosen: string | null | undefined, id: string): string => {
  if (chosen) return chosen;
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return HUES[sum % HUES.length] as string;
};
