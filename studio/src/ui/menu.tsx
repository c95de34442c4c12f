import "./menu.css";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface MenuItem {
  words: string;
  run: () => unknown;
  keys?: string; // as the sheet of keys shows them
  off?: boolean;
  on?: boolean; // of those that are chosen
  apart?: boolean; // a line above it
}

interface OpenMenu {
  name: string;
  x: number;
  y: number;
  items: readonly MenuItem[];
  back: HTMLElement | null; // what gets the focus afterwards
}

const shown = signal<OpenMenu | null>(null);

/** At a place of the window, in pixels. It closes with a choice, Escape, Tab or a press elsewhere. */
export const showMenu = (name: string, x: number, y: number, items: readonly MenuItem[]): void => {
  const back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  shown.value = items.length > 0 ? { name, x, y, items, back } : null;
};

/** Below an element, such as the button that opens it. */
export const showMenuBelow = (element: Element, name: string, items: readonly MenuItem[]): void => {
  const { left, bottom } = element.getBoundingClientRect();
  showMenu(name, left, bottom + 2, items);
};

const close = (): void => {
  const back = shown.value?.back;
  shown.value = null;
  back?.focus();
};

export const Menu = () => (shown.value ? <Opened key={shown.value.name} {...shown.value} /> : null);

const Opened = ({ name, x, y, items }: OpenMenu) => {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const menu = element.current;
    if (!menu) return;
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(4, Math.min(x, innerWidth - width - 4))}px`;
    menu.style.top = `${Math.max(4, Math.min(y, innerHeight - height - 4))}px`;
    menu.querySelector<HTMLElement>("button:enabled")?.focus();
    const leave = ({ target }: Event) => !menu.contains(target as Node) && close();
    window.addEventListener("pointerdown", leave, true);
    window.addEventListener("wheel", leave, true);
    return () => {
      window.removeEventListener("pointerdown", leave, true);
      window.removeEventListener("wheel", leave, true);
    };
  }, [x, y, items]);

  const keys = (event: KeyboardEvent) => {
    const buttons = [...(element.current?.querySelectorAll<HTMLElement>("button:enabled") ?? [])];
    const place = buttons.indexOf(document.activeElement as HTMLElement);
    const next: Record<string, number> = {
      ArrowDown: place + 1,
      ArrowUp: place - 1 + buttons.length,
      Home: 0,
      End: buttons.length - 1,
    };
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key in next) buttons[(next[event.key] as number) % buttons.length]?.focus();
    else return;
    event.preventDefault();
  };

  return (
    <div ref={element} class="menu" role="menu" aria-label={name} tabIndex={-1} onKeyDown={keys}>
      {items.map(({ words, run, keys: shortcut, off, on, apart }) => (
        <button
          key={words}
          type="button"
          {...(on === undefined ? { role: "menuitem" } : { role: "menuitemcheckbox", "aria-checked": on })}
          class={apart ? "apart" : ""}
          disabled={off}
          onClick={() => {
            close();
            run();
          }}
        >
          <span>{words}</span>
          {shortcut && <kbd>{shortcut}</kbd>}
        </button>
      ))}
    </div>
  );
};
