import "./people.css";
import { RULER, toX } from "../arrangement/geometry";
import { colourOf } from "../arrangement/palette";
import { top, trackHeight } from "../view";
import { others } from "./presence";

/** What others do, above the arrangement: their pointers and playheads. */
export const Others = () => (
  <div class="others" aria-hidden="true">
    {[...others.value].map(([id, { name, pointer, playhead }]) => (
      <div key={id} style={{ color: colourOf(null, id) }}>
        {playhead !== undefined && toX(playhead) >= 0 && (
          <i class="line" style={{ transform: `translateX(${toX(playhead)}px)` }} />
        )}
        {pointer && toX(pointer.time) >= 0 && (
          <i
            class="pointer"
            style={{
              transform: `translate(${toX(pointer.time)}px, ${RULER + pointer.track * trackHeight.value - top.value}px)`,
            }}
          >
            <b>{name}</b>
          </i>
        )}
      </div>
    ))}
  </div>
);
