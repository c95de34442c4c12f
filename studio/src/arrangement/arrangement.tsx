import "./arrangement.css";
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clips, markers, mayEdit, sections, tempoMap, tracks } from "../project/store";
import { peaksCount } from "../sound/peaks";
import { player } from "../sound/player";
import { barText, clock } from "../time/tempo-map";
import { left, selectedClips, theme, top, trackHeight, zoom } from "../view";
import { draw } from "./draw";
import { RULER, toX } from "./geometry";
import { begin, cursorAt, open } from "./gestures";
import { TrackHeaders } from "./headers";
import { type Palette, paletteOf } from "./palette";
import { dropped } from "./upload";

const MIN_ZOOM = 0.5; // pixels per second
const MAX_ZOOM = 2000;

/** The time line: headers of tracks, and a canvas on which everything lies. */
export const Arrangement = () => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useSignal<Palette | null>(null);
  const size = useSignal({ width: 0, height: 0 });
  const frame = useRef(0);

  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => {
      if (entry) size.value = { width: entry.contentRect.width, height: entry.contentRect.height };
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
    peaksCount.value; // an outline that has come is drawn
    const element = canvas.current;
    const brush = element?.getContext("2d", { alpha: false });
    if (!element || !brush || !colours || !width) return;
    // Everything that is drawn is read here, so that a change of any of it asks for one frame.
    for (const each of [left, top, zoom, trackHeight, selectedClips, clips, tracks, sections, markers, tempoMap])
      each.value;
    for (const each of [player.loop, player.looping]) each.value;
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      fit(element, brush, width, height);
      draw(brush, width, height, colours);
    });
  });

  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const element = event.currentTarget as HTMLCanvasElement;
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

  const name = useComputed(() => `Arrangement: ${tracks.value.length} tracks, ${clips.value.size} clips`);
  return (
    <section
      class="arrangement"
      aria-label="Arrangement"
      onDragOver={(event) => mayEdit.value && event.preventDefault()}
      onDrop={(event) => dropped(event, canvas.current)}
    >
      <TrackHeaders />
      <div class="timeline">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the keys itself */}
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={name}
          onPointerDown={press}
          onPointerMove={(event) => {
            if (event.buttons === 0) event.currentTarget.style.cursor = cursorAt(event);
          }}
          onDblClick={open}
          onWheel={scroll}
        />
        <Playhead />
      </div>
    </section>
  );
};

/** Lies above the canvas, so that playing moves one element and draws nothing. */
const Playhead = () => {
  const element = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const x = toX(player.position.value);
    if (!element.current) return;
    element.current.style.transform = `translateX(${x}px)`;
    element.current.hidden = x < 0;
  });
  return <div ref={element} class="playhead" aria-hidden="true" />;
};

const scroll = (event: WheelEvent): void => {
  event.preventDefault();
  const { left: edge } = (event.currentTarget as Element).getBoundingClientRect();
  if (event.ctrlKey || event.metaKey) {
    zoomBy(2 ** (-event.deltaY / 200), event.clientX - edge);
    return;
  }
  const [across, down] = event.shiftKey ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
  left.value = Math.max(0, left.value + across / zoom.value);
  const most = Math.max(0, tracks.value.length * trackHeight.value - 120);
  top.value = Math.min(most, Math.max(0, top.value + down));
};

/** Around a point, in pixels from the left edge, which stays where it is. */
export const zoomBy = (factor: number, x: number): void => {
  const at = left.value + x / zoom.value;
  zoom.value = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom.value * factor));
  left.value = Math.max(0, at - x / zoom.value);
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

/** Bars and time of the playhead, for the top of the page. */
export const Position = () => {
  const at = player.position.value;
  const map = tempoMap.value;
  return (
    <output class="position" aria-label="Position" style={{ minHeight: `${RULER / 2}px` }}>
      <b>{barText(map.position(map.beat(at)))}</b>
      <span>{clock(at)}</span>
    </output>
  );
};
