import "./arrangement.css";
import { useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Others } from "../people/overlay";
import { point } from "../people/presence";
import { clips, loop, looping, markers, mayEdit, recordings, sections, tempoMap, tracks } from "../project/store";
import { peaksCount } from "../sound/peaks";
import { player } from "../sound/player";
import { barText, clock } from "../time/tempo-map";
import { Canvas, pointOf } from "../ui/canvas";
import { left, selectedClips, selectedTrack, top, trackHeight, zoom } from "../view";
import { draw } from "./draw";
import { RULER, toSeconds, toX } from "./geometry";
import { begin, cursorAt, open } from "./gestures";
import { TrackHeaders } from "./headers";
import { dropped } from "./upload";

const MIN_ZOOM = 0.5; // pixels per second
const MAX_ZOOM = 2000;

/** The time line: headers of tracks, and a canvas on which everything lies. */
export const Arrangement = () => {
  const surface = useRef<HTMLDivElement>(null);
  const name = useComputed(() => `Arrangement: ${tracks.value.length} tracks, ${clips.value.size} clips`);
  return (
    <section
      class="arrangement"
      aria-label="Arrangement"
      onDragOver={(event) => mayEdit.value && event.preventDefault()}
      onDrop={(event) => dropped(event, surface.current)}
    >
      <TrackHeaders />
      <div class="timeline" ref={surface}>
        <Canvas
          name={name}
          draw={draw}
          reads={() => {
            for (const each of [left, top, zoom, trackHeight, selectedClips, selectedTrack]) each.value;
            for (const each of [clips, tracks, sections, markers, tempoMap, recordings, peaksCount]) each.value;
            for (const each of [loop, looping]) each.value;
          }}
          begin={begin}
          onHover={(event) => {
            const { x, y } = pointOf(event);
            point(toSeconds(x), (y - RULER + top.value) / trackHeight.value);
            return cursorAt(event);
          }}
          canvasProps={{ onDblClick: open, onWheel: scroll }}
        />
        <Playhead />
        <Others />
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
