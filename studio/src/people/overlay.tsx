import "./people.css";
import { toX } from "../arrangement/geometry";
import { yOfPlace } from "../arrangement/layout";
import { colourOf } from "../arrangement/palette";
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
              transform: `translate(${toX(pointer.time)}px, ${yOfPlace(pointer.track)}px)`,
            }}
          >
            <b>{name}</b>
          </i>
        )}
      </div>
    ))}
  </div>
);
