import "./mixer.css";
import { useEffect, useRef } from "preact/hooks";
import { Switch } from "../arrangement/headers";
import { colourOf } from "../arrangement/palette";
import { createTrack, updateTrack } from "../project/edits";
import type { Track } from "../project/entities";
import { mayEdit, tracks } from "../project/store";
import { player } from "../sound/player";
import { dbText, LOUDEST, SILENT, toDb, toLinear } from "./fader";
import { Loudness, Meter } from "./meter";
import { Sends } from "./sends";
import { instruments, loadInstruments } from "./types";

const NOTED = new Set<string>(["MIDI", "INSTRUMENT"]);

/** A strip for each track; the master stays in sight. */
export const Mixer = () => {
  useEffect(() => void loadInstruments().catch(() => {}), []);
  const isMaster = ({ trackType }: Track) => trackType === "MASTER";
  const master = tracks.value.find(isMaster);
  return (
    <section class="mixer" aria-label="Mixer">
      {tracks.value
        .filter((track) => !isMaster(track))
        .map((track) => (
          <Strip key={track.id} track={track} />
        ))}
      {master ? <Strip track={master} /> : <Output />}
    </section>
  );
};

/** What goes to the speakers, as long as no track of the song stands for it. */
const Output = () => (
  <div class="strip master" role="group" aria-label="Master">
    <button
      type="button"
      title="A track with a fader and devices that everything goes through"
      disabled={!mayEdit.value}
      onClick={() => void createTrack({ name: "Master", trackType: "MASTER", volume: 1 })}
    >
      Add fader
    </button>
    <Meter peak={() => player.mixer.master.peak()} name="Master" />
    <Loudness />
    <strong>Master</strong>
  </div>
);

const Strip = ({ track }: { track: Track }) => {
  const { id, name, volume, pan, isMuted, isSolo, trackType, instrument } = track;
  const gesture = useRef("");
  const db = toDb(volume);
  const master = trackType === "MASTER";
  return (
    <div
      class={`strip ${master ? "master" : ""}`}
      role="group"
      aria-label={name}
      style={{ borderTopColor: colourOf(track.color, id) }}
    >
      {NOTED.has(trackType) && (
        <select
          aria-label={`Instrument of ${name}`}
          value={instrument ?? ""}
          disabled={!mayEdit.value}
          onChange={({ currentTarget }) => {
            void updateTrack(id, { instrument: (currentTarget.value || null) as typeof instrument });
          }}
        >
          <option value="">by its name</option>
          {[...new Set([...(instrument ? [instrument] : []), ...instruments.value])].map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      )}
      <input
        class="pan"
        type="range"
        min={-1}
        max={1}
        step={0.01}
        value={pan}
        disabled={!mayEdit.value}
        aria-label={`Pan of ${name}`}
        aria-valuetext={pan === 0 ? "middle" : `${Math.round(Math.abs(pan) * 100)} ${pan < 0 ? "left" : "right"}`}
        onPointerDown={() => {
          gesture.current = crypto.randomUUID();
        }}
        onInput={({ currentTarget }) =>
          void updateTrack(id, { pan: currentTarget.valueAsNumber }, { gesture: gesture.current })
        }
        onDblClick={() => void updateTrack(id, { pan: 0 })}
      />
      <div class="level">
        <input
          class="fader"
          type="range"
          min={SILENT}
          max={LOUDEST}
          step={0.1}
          value={db}
          disabled={!mayEdit.value}
          aria-label={`Volume of ${name}`}
          aria-valuetext={`${dbText(db)} dB`}
          onPointerDown={() => {
            gesture.current = crypto.randomUUID();
          }}
          onInput={({ currentTarget }) =>
            void updateTrack(id, { volume: toLinear(currentTarget.valueAsNumber) }, { gesture: gesture.current })
          }
          onDblClick={() => void updateTrack(id, { volume: 1 })}
        />
        <Meter peak={() => player.mixer.channel(id)?.peak() ?? SILENT} name={name} />
      </div>
      <output>{dbText(db)} dB</output>
      {master ? <Loudness /> : <Sends track={track} />}
      <div class="switches">
        <Switch on={isMuted} letter="M" name={`Mute ${name}`} change={() => updateTrack(id, { isMuted: !isMuted })} />
        {!master && (
          <Switch on={isSolo} letter="S" name={`Solo ${name}`} change={() => updateTrack(id, { isSolo: !isSolo })} />
        )}
      </div>
      <strong>{name}</strong>
    </div>
  );
};
