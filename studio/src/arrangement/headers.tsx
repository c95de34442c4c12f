import { useComputed } from "@preact/signals";
import { locks } from "../project/connection";
import { createTrack, deleteTrack, updateTrack } from "../project/edits";
import type { Track } from "../project/entities";
import { mayEdit, tracks } from "../project/store";
import { selectedTrack, top, trackHeight } from "../view";
import { RULER } from "./geometry";
import { colourOf } from "./palette";

/** The names and switches of the tracks, beside the canvas and scrolled with it. */
export const TrackHeaders = () => (
  <div class="headers">
    <div class="corner" style={{ height: `${RULER}px` }}>
      <span>{tracks.value.length === 1 ? "1 track" : `${tracks.value.length} tracks`}</span>
      <button
        type="button"
        disabled={!mayEdit.value}
        onClick={() => void createTrack({ name: `Track ${tracks.value.length + 1}` })}
      >
        Add track
      </button>
    </div>
    <div class="clip">
      <ol style={{ transform: `translateY(${-top.value}px)` }}>
        {tracks.value.map((track) => (
          <Header key={track.id} track={track} />
        ))}
      </ol>
    </div>
  </div>
);

const Header = ({ track }: { track: Track }) => {
  const held = useComputed(() => locks.value.get(track.id));
  const { id, name, isMuted, isSolo, isArmed } = track;
  const rename = (event: FocusEvent) => {
    const wanted = (event.currentTarget as HTMLInputElement).value.trim();
    if (wanted && wanted !== name) void updateTrack(id, { name: wanted });
  };
  return (
    <li
      style={{ height: `${trackHeight.value}px`, borderLeftColor: colourOf(track.color, id) }}
      class={selectedTrack.value === id ? "selected" : ""}
      onPointerDown={() => {
        selectedTrack.value = id;
      }}
    >
      <input
        aria-label="Name of the track"
        value={name}
        maxLength={120}
        disabled={!mayEdit.value}
        onBlur={rename}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
      {held.value && <span class="held">{held.value.username} is working here</span>}
      <div class="switches">
        <Switch on={isMuted} letter="M" name={`Mute ${name}`} change={() => updateTrack(id, { isMuted: !isMuted })} />
        <Switch on={isSolo} letter="S" name={`Solo ${name}`} change={() => updateTrack(id, { isSolo: !isSolo })} />
        <Switch on={isArmed} letter="R" name={`Arm ${name}`} change={() => updateTrack(id, { isArmed: !isArmed })} />
        <button
          type="button"
          class="bare"
          aria-label={`Delete ${name}`}
          disabled={!mayEdit.value}
          onClick={() => {
            void deleteTrack(id);
          }}
        >
          ×
        </button>
      </div>
    </li>
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
