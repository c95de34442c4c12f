import { effect, type ReadonlySignal, useSignal } from "@preact/signals";
import type { HTMLAttributes } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Palette, paletteOf } from "../arrangement/palette";
import { theme } from "../view";

/** Where a pointer is on its canvas, and what is held down meanwhile. */
export interface Pointer {
  x: number;
  y: number;
  altKey: boolean;
  shiftKey: boolean;
}

/** One drag: told of each move of the pointer, and of its end. `scrolls`: what is beyond the edge comes into sight. */
export interface Gesture {
  move: (at: Pointer) => void;
  end: (cancelled: boolean) => void;
  scrolls?: boolean;
}

interface CanvasProps {
  name: string | ReadonlySignal<string>;
  /** Called once a frame after any signal has changed that it read the last time. It writes none. */
  draw: (brush: CanvasRenderingContext2D, width: number, height: number, palette: Palette) => void;
  begin: (event: PointerEvent) => Gesture | null;
  onHover?: (event: PointerEvent) => string; // the cursor
  onSize?: (width: number, height: number) => void;
  /** Scrolls by pixels while something is dragged beyond the edge. */
  scroll?: (across: number, down: number) => void;
  canvasProps?: HTMLAttributes<HTMLCanvasElement>;
}

/** A canvas that is drawn once for each change, at the resolution of the screen, in the colours of the theme. */
export const Canvas = ({ name, draw, begin, onHover, onSize, scroll, canvasProps }: CanvasProps) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useSignal<Palette | null>(null);
  const size = useSignal({ width: 0, height: 0 });

  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      size.value = { width, height };
      onSize?.(width, height);
    });
    if (canvas.current) watch.observe(canvas.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const refresh = () => {
      if (canvas.current?.parentElement) palette.value = paletteOf(canvas.current.parentElement);
    };
    const unwatch = theme.subscribe(() => requestAnimationFrame(refresh));
    dark.addEventListener("change", refresh);
    return () => {
      watch.disconnect();
      unwatch();
      dark.removeEventListener("change", refresh);
    };
  }, []);

  useEffect(() => {
    let frame = 0;
    let forget = () => {};
    const paint = () => {
      forget();
      let drawn = false;
      forget = effect(() => {
        if (drawn) {
          frame = requestAnimationFrame(paint);
          return;
        }
        drawn = true;
        const { width, height } = size.value;
        const brush = canvas.current?.getContext("2d", { alpha: false });
        if (!canvas.current || !brush || !palette.value || !width || !height) return;
        fit(canvas.current, brush, width, height);
        draw(brush, width, height, palette.value);
      });
    };
    paint();
    return () => {
      cancelAnimationFrame(frame);
      forget();
    };
  }, [draw]);

  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const element = event.currentTarget as HTMLCanvasElement;
    element.focus();
    const gesture = begin(event);
    if (!gesture) return;
    element.setPointerCapture(event.pointerId);
    const done = new AbortController();
    const { signal } = done;
    const { width, height } = size.value;
    let last: Pointer | null = null;
    let scrolling = 0;
    const finish = (cancelled: boolean) => {
      done.abort();
      cancelAnimationFrame(scrolling);
      gesture.end(cancelled);
    };
    const keepScrolling = () => {
      scrolling = 0;
      if (!last || !scroll || !gesture.scrolls) return;
      const [across, down] = [beyond(last.x, width), beyond(last.y, height)];
      if (!across && !down) return;
      scroll(across, down);
      gesture.move(last);
      scrolling = requestAnimationFrame(keepScrolling);
    };
    const move = (moved: PointerEvent) => {
      last = pointerOf(moved, element);
      gesture.move(last);
      scrolling ||= requestAnimationFrame(keepScrolling);
    };
    element.addEventListener("pointermove", move, { signal });
    element.addEventListener("pointerup", () => finish(false), { signal });
    element.addEventListener("pointercancel", () => finish(true), { signal });
    const leave = (pressed: KeyboardEvent) => {
      if (pressed.key !== "Escape") return;
      pressed.stopImmediatePropagation(); // it ends the drag, and not the selection
      finish(true);
    };
    window.addEventListener("keydown", leave, { signal, capture: true });
  };

  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the keys itself
    <canvas
      ref={canvas}
      tabIndex={0}
      role="application"
      aria-label={name}
      onPointerDown={press}
      onPointerMove={(event) => {
        if (event.buttons === 0 && onHover) event.currentTarget.style.cursor = onHover(event);
      }}
      {...canvasProps}
    />
  );
};

const fit = (element: HTMLCanvasElement, brush: CanvasRenderingContext2D, width: number, height: number): void => {
  const scale = window.devicePixelRatio;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  if (element.width !== wide || element.height !== high) {
    element.width = wide;
    element.height = high;
  }
  brush.setTransform(scale, 0, 0, scale, 0, 0);
};

const RIM = 24; // pixels from the edge at which a drag begins to scroll
const SPEED = 0.25; // of the distance, each frame

const beyond = (at: number, size: number): number =>
  at < RIM ? (at - RIM) * SPEED : at > size - RIM ? (at - size + RIM) * SPEED : 0;

const pointerOf = ({ clientX, clientY, altKey, shiftKey }: MouseEvent, element: Element): Pointer => {
  const { left, top } = element.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top, altKey, shiftKey };
};

/** Where on its canvas an event is that is being handled there. */
export const pointOf = (event: MouseEvent): Pointer => pointerOf(event, event.currentTarget as Element);
