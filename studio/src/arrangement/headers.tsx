import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";
import { heldTracks } from "../people/held-tracks";
import { createTrack, deleteTrack, updateTrack } from "../project/edits";
import type { Track } from "../project/entities";
import { mayEdit, tracks } from "../project/store";
import { Field } from "../ui/field";
import { showMenuBelow } from "../ui/menu";
import { selectedTrack, top } from "../view";
import { envelopeOf, titleOf } from "./envelopes";
import { RULER } from "./geometry";
import {
  contentHeight,
  folded,
  LANE,
  type LaneRow,
  ownHeights,
  type Row,
  reveal,
  rowsInSight,
  SMALLEST,
  TALLEST,
} from "./layout";
import { colourOf } from "./palette";
import { closeLane, dropPlace, moveBy, moving, NEW_KINDS, startMoving, trackItems } from "./track-actions";

const MARGIN = 200; // pixels beyond the sight in which headers are there for the Tab key

/** The names and switches of the tracks, beside the canvas and scrolled with it. Only those in sight exist. */
export const TrackHeaders = () => (
  <div class="headers">
    <div class="corner" style={{ height: `${RULER}px` }}>
      <span>{tracks.value.length === 1 ? "1 track" : `${tracks.value.length} tracks`}</span>
      <button
        type="button"
        aria-haspopup="menu"
        disabled={!mayEdit.value}
        onClick={({ currentTarget }) =>
          showMenuBelow(
            currentTarget,
            "Add track",
            NEW_KINDS.map(([trackType, words]) => ({
              words,
              run: () => void createTrack({ name: `${words} ${tracks.value.length + 1}`, trackType }),
            })),
          )
        }
      >
        Add track ▾
      </button>
    </div>
    <div class="clip">
      <ol style={{ transform: `translateY(${-top.value}px)`, height: `${contentHeight.value}px` }}>
        {rowsInSight(MARGIN).map((row) => (
          <Header key={row.track.id} row={row} />
        ))}
        {dropPlace.value && <li class="drop" aria-hidden="true" style={{ top: `${dropPlace.value.top - 1}px` }} />}
      </ol>
    </div>
  </div>
);

const Header = ({ row }: { row: Row }) => {
  const { track, height, indent } = row;
  const held = useComputed(() => heldTracks.value.get(track.id));
  const { id, name, isMuted, isSolo, isArmed, trackType } = track;
  return (
    <li
      style={{ top: `${row.top}px`, height: `${row.bottom - row.top}px`, borderLeftColor: colourOf(track.color, id) }}
      class={`${selectedTrack.value === id ? "selected" : ""} ${moving.value === id ? "moving" : ""}`}
      onPointerDown={() => {
        selectedTrack.value = id;
      }}
      onFocusCapture={() => reveal(id)}
      onContextMenu={(event) => {
        event.preventDefault();
        showMenuBelow(event.currentTarget.querySelector(".more") ?? event.currentTarget, name, trackItems(track));
      }}
    >
      <div class={`face ${height < 56 ? "low" : ""}`} style={{ height: `${height}px`, paddingLeft: `${4 + indent}px` }}>
        <div class="title">
          {trackType === "GROUP" && <Fold track={track} />}
          <button
            type="button"
            class="bare grip"
            aria-label={`Move ${name}`}
            title="Drag, or Alt and the arrows"
            disabled={!mayEdit.value}
            onPointerDown={(event) => startMoving(event, id)}
            onKeyDown={(event) => {
              const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
              if (!by) return;
              event.preventDefault();
              moveBy(id, by);
            }}
          >
            ⠿
          </button>
          <Field
            class="title"
            aria-label="Name of the track"
            value={name}
            maxLength={120}
            disabled={!mayEdit.value}
            change={(wanted) => updateTrack(id, { name: wanted })}
          />
        </div>
        {held.value && <span class="held">{held.value.username} is working here</span>}
        <div class="switches">
          <Switch on={isMuted} letter="M" name={`Mute ${name}`} change={() => updateTrack(id, { isMuted: !isMuted })} />
          <Switch on={isSolo} letter="S" name={`Solo ${name}`} change={() => updateTrack(id, { isSolo: !isSolo })} />
          {trackType === "AUDIO" && (
            <Switch
              on={isArmed}
              letter="R"
              name={`Arm ${name}`}
              change={() => updateTrack(id, { isArmed: !isArmed })}
            />
          )}
          <input
            type="color"
            class="swatch"
            aria-label={`Colour of ${name}`}
            disabled={!mayEdit.value}
            value={colourOf(track.color, id)}
            onChange={({ currentTarget }) => void updateTrack(id, { color: currentTarget.value })}
          />
          <button
            type="button"
            class="bare more"
            aria-haspopup="menu"
            aria-label={`More for ${name}`}
            onClick={({ currentTarget }) => showMenuBelow(currentTarget, name, trackItems(track))}
          >
            ⋯
          </button>
          <button
            type="button"
            class="bare"
            aria-label={`Delete ${name}`}
            disabled={!mayEdit.value}
            onClick={() => void deleteTrack(id)}
          >
            ×
          </button>
        </div>
        <Height row={row} />
      </div>
      {row.lanes.map((lane) =>
        lane.take === undefined ? (
          <LaneHeader key={lane.key} lane={lane} />
        ) : (
          <div key={lane.key} class="lane" style={{ height: `${LANE}px` }}>
            <span>{`Take ${lane.take + 1}`}</span>
            <span class="quiet">draw over what is to be heard</span>
          </div>
        ),
      )}
    </li>
  );
};

const Fold = ({ track: { id, name } }: { track: Track }) => {
  const closed = folded.value.has(id);
  return (
    <button
      type="button"
      class="bare"
      aria-expanded={!closed}
      aria-label={`Tracks of ${name}`}
      onClick={() => {
        const next = new Set(folded.value);
        if (!next.delete(id)) next.add(id);
        folded.value = next;
      }}
    >
      {closed ? "▸" : "▾"}
    </button>
  );
};

const counted = (points: number): string => (points === 1 ? "1 point" : `${points} points`);

const LaneHeader = ({ lane }: { lane: LaneRow }) => {
  const envelope = envelopeOf(lane.track.id, lane.target);
  const title = titleOf(lane.target);
  return (
    <div class="lane" style={{ height: `${LANE}px` }}>
      <span title={title}>{title}</span>
      <span class="quiet">{envelope ? counted(envelope.points.length) : "press to draw"}</span>
      <button type="button" class="bare" aria-label={`Close the lane ${title}`} onClick={() => closeLane(lane)}>
        ×
      </button>
    </div>
  );
};

/** The lower edge of a header: this track alone becomes higher or lower. */
const Height = ({ row: { track, height } }: { row: Row }) => {
  const from = useRef<{ y: number; height: number } | null>(null);
  const set = (wanted: number) => {
    const fitting = Math.round(Math.min(TALLEST, Math.max(SMALLEST, wanted)));
    ownHeights.value = new Map(ownHeights.value).set(track.id, fitting);
  };
  return (
    <div
      class="edge"
      role="separator"
      tabIndex={-1}
      aria-label={`Height of ${track.name}`}
      aria-orientation="horizontal"
      aria-valuenow={height}
      aria-valuemin={SMALLEST}
      aria-valuemax={TALLEST}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { y: event.clientY, height };
      }}
      onPointerMove={(event) => from.current && set(from.current.height + event.clientY - from.current.y)}
      onPointerUp={() => {
        from.current = null;
      }}
      onDblClick={() => {
        const own = new Map(ownHeights.value);
        own.delete(track.id);
        ownHeights.value = own;
      }}
    />
  );
};

interface SwitchProps {
  on: boolean;
  letter: string;
  name: string;
  change: () => unknown;
}

export const Switch = ({ on, letter, name, change }: SwitchProps) => (
  <button
    type="button"
    class={`switch ${letter}`}
    aria-pressed={on}
    aria-label={name}
    disabled={!mayEdit.value}
    onClick={change}
  >
    {letter}
  </button>
);
