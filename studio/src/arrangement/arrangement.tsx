import "./arrangement.css";
import { useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { openNotes } from "../keyboard";
import { Others } from "../people/overlay";
import { point } from "../people/presence";
import { clips, mayEdit, tempoMap, tracks } from "../project/store";
import { player } from "../sound/player";
import { barText, clock } from "../time/tempo-map";
import { Canvas, pointOf } from "../ui/canvas";
import { Menu } from "../ui/menu";
import { Notices } from "../ui/notices";
import { following, left, zoom } from "../view";
import { nudge, selection, walk } from "./actions";
import { contextMenu } from "./clip-menu";
import { draw } from "./draw";
import { toSeconds, toX } from "./geometry";
import { begin, cursorAt, open } from "./gestures";
import { TrackHeaders } from "./headers";
import { ClipInspector } from "./inspector";
import { placeOf, scaleTracks, scrollBy, size, zoomBy } from "./layout";
import { PlaceEditor } from "./place-editor";
import { Toolbar } from "./toolbar";
import { dropped, uploads } from "./upload";

/** The time line: headers of tracks, and a canvas on which everything lies. */
export const Arrangement = () => {
  const surface = useRef<HTMLDivElement>(null);
  const name = useComputed(() => {
    const chosen = selection();
    const [first] = chosen;
    const where = first ? ` in bar ${tempoMap.value.position(tempoMap.value.beat(first.startTime)).bar}` : "";
    const selected = chosen.length > 1 ? `${chosen.length} clips` : first ? `${first.name}${where}` : "nothing";
    return `Arrangement: ${tracks.value.length} tracks, ${clips.value.size} clips. Selected: ${selected}`;
  });
  return (
    <section
      class="arrangement"
      aria-label="Arrangement"
      onDragOver={(event) => mayEdit.value && event.preventDefault()}
      onDrop={(event) => dropped(event, surface.current)}
    >
      <Toolbar />
      <TrackHeaders />
      <div class="timeline" ref={surface}>
        <Canvas
          name={name}
          draw={draw}
          begin={begin}
          onHover={(event) => {
            const { x, y } = pointOf(event);
            point(toSeconds(x), placeOf(y));
            return cursorAt(event);
          }}
          onSize={(width, height) => {
            size.value = { width, height };
          }}
          scroll={scrollBy}
          canvasProps={{ onDblClick: open, onWheel: wheel, onContextMenu: contextMenu, onKeyDown: keys }}
        />
        <Playhead />
        <Others />
        <Notices />
        <Uploads />
      </div>
      <ClipInspector />
      <PlaceEditor />
      <Menu />
    </section>
  );
};

/** How far files have come that are on their way to the server. */
const Uploads = () =>
  uploads.value.length > 0 && (
    <ul class="uploads" aria-label="Uploads">
      {uploads.value.map(({ name, percent }) => (
        <li key={name}>
          <span>{name}</span>
          <progress max={100} value={percent} aria-label={`Upload of ${name}`} />
          <span>{percent < 100 ? `${percent} %` : "being read"}</span>
        </li>
      ))}
    </ul>
  );

const PAGE = 0.9; // of the width, at which the next page comes
const BEFORE = 0.1; // of it, that stays in sight

/** Lies above the canvas, so that playing moves one element and draws nothing until the page turns. */
const Playhead = () => {
  const element = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const x = toX(player.position.value);
    if (!element.current) return;
    element.current.style.transform = `translateX(${x}px)`;
    element.current.hidden = x < 0;
  });
  useSignalEffect(() => {
    const at = player.position.value;
    if (!player.playing.value || !following.value) return;
    const wide = size.peek().width / zoom.peek();
    const within = (at - left.peek()) / wide;
    if (within < 0 || within > PAGE) left.value = Math.max(0, at - wide * BEFORE);
  });
  return <div ref={element} class="playhead" aria-hidden="true" />;
};

/** Scrolls; with Ctrl, or two fingers that part, it zooms, and with Alt the tracks become higher. */
const wheel = (event: WheelEvent): void => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) zoomBy(2 ** (-event.deltaY / 200), pointOf(event).x);
  else if (event.altKey) scaleTracks(2 ** (-event.deltaY / 400));
  else if (event.shiftKey) scrollBy(event.deltaX || event.deltaY, 0);
  else scrollBy(event.deltaX, event.deltaY);
};

/** Arrows walk from clip to clip; with Alt they move what is selected. Enter opens the notes of a clip. */
const keys = (event: KeyboardEvent): void => {
  if (event.key === "Enter" && selection().length === 1 && selection()[0]?.midiData) {
    event.preventDefault();
    openNotes();
    return;
  }
  const steps: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const step = steps[event.key];
  if (!step || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.altKey) nudge(...step);
  else walk(...step);
};

/** Bars and time of the playhead, for the top of the page. */
export const Position = () => {
  const at = player.position.value;
  const map = tempoMap.value;
  return (
    <output class="position" aria-label="Position">
      <b>{barText(map.position(map.beat(at)))}</b>
      <span>{clock(at)}</span>
    </output>
  );
};
