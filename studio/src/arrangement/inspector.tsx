import type { ComponentChildren } from "preact";
import { updateClips, updateEach } from "../project/edits";
import type { Clip } from "../project/entities";
import { mayEdit, tempoMap, tracks } from "../project/store";
import { barText } from "../time/tempo-map";
import { refuse } from "../ui/field";
import { notify } from "../ui/notices";
import { selection } from "./actions";
import { placedAt } from "./geometry";
import { colourOf } from "./palette";

/** The fields of what is selected; of several clips those that all of them have. */
export const ClipInspector = () => {
  const list = selection();
  const [clip] = list;
  if (!clip) return <p class="inspector quiet">Select a clip to see its name, gain and fades.</p>;
  const map = tempoMap.value;
  const alone = list.length === 1;
  const store = (changes: Partial<Clip>) =>
    void updateClips(
      list.map(({ id }) => id),
      changes,
    );
  const one = (changes: Partial<Clip>) => void updateEach(new Map([[clip.id, changes]]));
  const same = <Name extends keyof Clip>(name: Name) => list.every((each) => each[name] === clip[name]);
  const track = tracks.value.find(({ id }) => id === clip.trackId);
  return (
    <fieldset class="inspector" disabled={!mayEdit.value} aria-label={alone ? "Clip" : `${list.length} clips`}>
      {alone ? (
        <Field name="Name">
          <input
            value={clip.name ?? ""}
            maxLength={120}
            onChange={({ currentTarget }) => {
              if (currentTarget.value.trim()) one({ name: currentTarget.value.trim() });
              else refuse(currentTarget, "Name", clip.name ?? "");
            }}
          />
        </Field>
      ) : (
        <b>{list.length} clips</b>
      )}
      <Field name="Colour">
        <input
          type="color"
          value={colourOf(clip.color ?? track?.color, clip.trackId)}
          onChange={({ currentTarget }) => store({ color: currentTarget.value })}
        />
      </Field>
      {alone && (
        <>
          <Field name="Start">
            <input
              class="bars"
              value={barText(map.position(map.beat(clip.startTime)))}
              title="Bar, beat and tick"
              onChange={({ currentTarget }) => {
                const beat = map.beatAt(currentTarget.value);
                if (beat === null) {
                  notify("trouble", "Write a place as bar.beat.tick, such as 5.1.000.");
                  currentTarget.value = barText(map.position(map.beat(clip.startTime)));
                } else one(placedAt(clip, map.seconds(beat)));
              }}
            />
          </Field>
          <Amount
            name="Beats"
            value={clip.lengthBeats}
            min={0.01}
            step={0.25}
            store={(lengthBeats) => one({ lengthBeats })}
          />
        </>
      )}
      <Amount
        name="Gain"
        unit="in dB"
        value={same("gain") ? clip.gain : null}
        min={-60}
        max={24}
        step={0.5}
        store={(gain) => store({ gain })}
      />
      <Amount
        name="Fade in"
        unit="in seconds"
        value={same("fadeIn") ? clip.fadeIn : null}
        min={0}
        step={0.05}
        store={(fadeIn) => store({ fadeIn })}
      />
      <Amount
        name="Fade out"
        unit="in seconds"
        value={same("fadeOut") ? clip.fadeOut : null}
        min={0}
        step={0.05}
        store={(fadeOut) => store({ fadeOut })}
      />
      <Field name="Curve">
        <select
          value={same("fadeCurve") ? clip.fadeCurve : ""}
          onChange={({ currentTarget }) => store({ fadeCurve: currentTarget.value as Clip["fadeCurve"] })}
        >
          {!same("fadeCurve") && <option value="">–</option>}
          <option value="linear">Straight</option>
          <option value="equalPower">Equal power</option>
        </select>
      </Field>
      <Field name="Keeps">
        <select
          value={same("timebase") ? clip.timebase : ""}
          onChange={({ currentTarget }) => store({ timebase: currentTarget.value as Clip["timebase"] })}
        >
          {!same("timebase") && <option value="">–</option>}
          <option value="musical">its beats</option>
          <option value="absolute">its seconds</option>
        </select>
      </Field>
    </fieldset>
  );
};

const Field = ({ name, children }: { name: string; children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
  <label>
    <span>{name}</span>
    {children}
  </label>
);

interface AmountProps {
  name: string;
  value: number | null; // null: they differ
  store: (value: number) => void;
  min?: number;
  max?: number;
  step: number;
  unit?: string;
}

const Amount = ({ name, value, store, unit, ...range }: AmountProps) => (
  <Field name={name}>
    <input
      type="number"
      title={unit}
      {...range}
      step="any"
      value={value === null ? "" : Math.round(value * 1000) / 1000}
      placeholder={value === null ? "–" : ""}
      onKeyDown={(event) => {
        const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        if (!up) return;
        event.preventDefault();
        const wanted = (value ?? 0) + up * range.step;
        store(Math.min(range.max ?? wanted, Math.max(range.min ?? wanted, wanted)));
      }}
      onChange={({ currentTarget }) => {
        const { valid } = currentTarget.validity;
        if (currentTarget.value && valid) store(currentTarget.valueAsNumber);
        else refuse(currentTarget, name, value === null ? "" : String(Math.round(value * 1000) / 1000));
      }}
    />
  </Field>
);
