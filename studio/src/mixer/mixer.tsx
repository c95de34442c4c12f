import "./mixer.css";
import { useEffect, useRef } from "preact/hooks";
import { Switch } from "../arrangement/headers";
import { colourOf } from "../arrangement/palette";
import { updateTrack } from "../project/edits";
import type { Track } from "../project/entities";
import { mayEdit, tracks } from "../project/store";
import { player } from "../sound/player";
import { dbText, LOUDEST, SILENT, toDb, toLinear } from "./fader";

/** A strip for each track, and the master. */
export const Mixer = () => (
  <section class="mixer" aria-label="Mixer">
    {tracks.value.map((track) => (
      <Strip key={track.id} track={track} />
    ))}
    {!tracks.value.some(({ trackType }) => trackType === "MASTER") && (
      <div class="strip" role="group" aria-label="Master">
        <Meter peak={() => player.mixer.master.peak()} name="Master" />
        <strong>Master</strong>
      </div>
    )}
  </section>
);

const Strip = ({ track }: { track: Track }) => {
  const { id, name, volume, pan, isMuted, isSolo } = track;
  const gesture = useRef("");
  const db = toDb(volume);
  return (
    <div class="strip" role="group" aria-label={name} style={{ borderTopColor: colourOf(track.color, id) }}>
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
        />
        <Meter peak={() => player.mixer.channel(id)?.peak() ?? SILENT} name={name} />
      </div>
      <output>{dbText(db)} dB</output>
      <div class="switches">
        <Switch on={isMuted} letter="M" name={`Mute ${name}`} change={() => updateTrack(id, { isMuted: !isMuted })} />
        <Switch on={isSolo} letter="S" name={`Solo ${name}`} change={() => updateTrack(id, { isSolo: !isSolo })} />
      </div>
      <strong>{name}</strong>
    </div>
  );
};

const FALL = 24; // dB per second

/** Peaks rise at once and fall slowly. Nothing is measured while nothing plays. */
const Meter = ({ peak, name }: { peak: () => number; name: string }) => {
  const element = useRef<HTMLDivElement>(null);
  const playing = player.playing.value;

  useEffect(() => {
    let frame = 0;
    let before = performance.now();
    let level = SILENT;
    const step = (now: number) => {
      level = Math.max(playing ? peak() : SILENT, level - ((now - before) / 1000) * FALL);
      before = now;
      element.current?.style.setProperty("--level", String(Math.max(0, 1 - level / SILENT)));
      if (playing || level > SILENT) frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing]);

  return <div ref={element} class="meter" role="img" aria-label={`Meter of ${name}`} />;
};
