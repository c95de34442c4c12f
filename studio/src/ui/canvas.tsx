import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import type { HTMLAttributes } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Palette, paletteOf } from "../arrangement/palette";
import { theme } from "../view";

/** One drag: told of each move of the pointer, and of its end. */
export interface Gesture {
  move: (event: PointerEvent) => void;
  end: (cancelled: boolean) => void;
}

interface CanvasProps {
  name: string | ReadonlySignal<string>;
  /** Called in the next frame after anything has changed that `reads` reads. */
  draw: (brush: CanvasRenderingContext2D, width: number, height: number, palette: Palette) => void;
  reads: () => void;
  begin: (event: PointerEvent) => Gesture | null;
  onHover?: (event: PointerEvent) => string; // the cursor
  onSize?: (width: number, height: number) => void;
  canvasProps?: HTMLAttributes<HTMLCanvasElement>;
}

/** A canvas that is drawn once for each change, at the resolution of the screen, in the colours of the theme. */
export const Canvas = ({ name, draw, reads, begin, onHover, onSize, canvasProps }: CanvasProps) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useSignal<Palette | null>(null);
  const size = useSignal({ width: 0, height: 0 });
  const frame = useRef(0);

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

  useSignalEffect(() => {
    const { width, height } = size.value;
    const colours = palette.value;
    reads();
    const element = canvas.current;
    const brush = element?.getContext("2d", { alpha: false });
    if (!element || !brush || !colours || !width || !height) return;
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      fit(element, brush, width, height);
      draw(brush, width, height, colours);
    });
  });

  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const element = event.currentTarget as HTMLCanvasElement;
    element.focus();
    const gesture = begin(event);
    if (!gesture) return;
    element.setPointerCapture(event.pointerId);
    const done = new AbortController();
    const { signal } = done;
    const finish = (cancelled: boolean) => {
      done.abort();
      gesture.end(cancelled);
    };
    element.addEventListener("pointermove", gesture.move, { signal });
    element.addEventListener("pointerup", () => finish(false), { signal });
    element.addEventListener("pointercancel", () => finish(true), { signal });
    window.addEventListener("keydown", ({ key }) => key === "Escape" && finish(true), { signal });
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

/** Where on its canvas an event is. */
export const pointOf = (event: MouseEvent): { x: number; y: number } => {
  const { left, top } = (event.currentTarget as Element).getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
};
