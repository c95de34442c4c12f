import "./devices.css";
import { useEffect, useRef } from "preact/hooks";
import { createDevice, deleteDevice, turnKnob, updateDevice } from "../project/edits";
import type { Device } from "../project/entities";
import { devices, mayEdit, tracks } from "../project/store";
import { selectedTrack } from "../view";
import { amount, type Described, deviceTypes, loadDeviceTypes, spoken } from "./types";

/** The chain of the selected track: what its sound goes through, in order. */
export const DevicesPanel = () => {
  useEffect(() => void loadDeviceTypes().catch(() => {}), []);
  const track = tracks.value.find(({ id }) => id === selectedTrack.value) ?? tracks.value[0];
  if (!track) return <p class="nothing quiet">A track is needed before it can have devices.</p>;
  const chain = devices.value.filter(({ trackId }) => trackId === track.id);
  const effects = [...deviceTypes.value.values()].filter(({ kind }) => kind === "effect");
  return (
    <section class="devices" aria-label={`Devices of ${track.name}`}>
      <div class="row">
        <h2>{track.name}</h2>
        <select
          aria-label="Add a device"
          value=""
          disabled={!mayEdit.value}
          onChange={({ currentTarget }) => {
            if (currentTarget.value)
              void createDevice({ trackId: track.id, type: currentTarget.value as Device["type"] });
            currentTarget.value = "";
          }}
        >
          <option value="">Add a device…</option>
          {effects.map(({ type, help }) => (
            <option key={type} value={type} title={help}>
              {spoken(type)}
            </option>
          ))}
        </select>
      </div>
      <ol class="chain">
        {chain.map((device) => (
          <DeviceBox key={device.id} device={device} />
        ))}
        {chain.length === 0 && <li class="quiet">Nothing is in the way of the sound.</li>}
      </ol>
    </section>
  );
};

const DeviceBox = ({ device }: { device: Device }) => {
  const { id, type, bypassed, preset, parameters, sidechainTrackId, trackId } = device;
  const known = deviceTypes.value.get(type);
  const name = spoken(type);
  const bands = type === "equalizer";
  return (
    <li class={bypassed ? "bypassed" : ""}>
      <header>
        <button
          type="button"
          class="switch"
          aria-label={`${name} on`}
          aria-pressed={!bypassed}
          disabled={!mayEdit.value}
          onClick={() => void updateDevice(id, { bypassed: !bypassed })}
        >
          ⏻
        </button>
        <b>{name}</b>
        <select
          aria-label={`Preset of ${name}`}
          value={preset ?? ""}
          disabled={!mayEdit.value}
          onChange={({ currentTarget }) => void updateDevice(id, { preset: currentTarget.value || null })}
        >
          <option value="">preset</option>
          {Object.keys(known?.presets ?? {}).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <button
          type="button"
          class="bare"
          aria-label={`Remove ${name}`}
          disabled={!mayEdit.value}
          onClick={() => void deleteDevice(id)}
        >
          ×
        </button>
      </header>
      <div class={bands ? "parameters bands" : "parameters"}>
        {Object.entries(known?.parameters.properties ?? {}).map(([each, described]) => (
          <Parameter key={each} device={device} name={each} described={described} value={parameters[each]} />
        ))}
        {known?.sidechain && (
          <label>
            <span title="What its detector hears">side chain</span>
            <select
              value={sidechainTrackId ?? ""}
              disabled={!mayEdit.value}
              onChange={({ currentTarget }) => void updateDevice(id, { sidechainTrackId: currentTarget.value || null })}
            >
              <option value="">its own sound</option>
              {tracks.value
                .filter((track) => track.id !== trackId)
                .map((track) => (
                  <option key={track.id} value={track.id}>
                    {track.name}
                  </option>
                ))}
            </select>
          </label>
        )}
      </div>
    </li>
  );
};

interface ParameterProps {
  device: Device;
  name: string;
  described: Described;
  value: unknown;
}

const Parameter = ({ device, name, described, value }: ParameterProps) => {
  const gesture = useRef("");
  const { enum: choices, minimum = 0, maximum = 1, description } = described;
  const change = (to: unknown) => turnKnob(device, name, to, { gesture: gesture.current });
  const disabled = !mayEdit.value;
  if (choices) {
    return (
      <label title={description}>
        <span>{spoken(name)}</span>
        <select
          value={String(value)}
          disabled={disabled}
          onChange={({ currentTarget }) => void change(currentTarget.value)}
        >
          {choices.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    );
  }
  if (typeof value === "boolean") {
    return (
      <label title={description}>
        <span>{spoken(name)}</span>
        <input
          type="checkbox"
          checked={value}
          disabled={disabled}
          onChange={({ currentTarget }) => void change(currentTarget.checked)}
        />
      </label>
    );
  }
  // What spans decades is turned in octaves.
  const wide = minimum > 0 && maximum / minimum > 50;
  const shown = Number(value);
  const place = wide ? Math.log(shown / minimum) / Math.log(maximum / minimum) : shown;
  const turned = (at: number) => (wide ? minimum * (maximum / minimum) ** at : at);
  return (
    <label title={description}>
      <span>{spoken(name)}</span>
      <input
        type="range"
        min={wide ? 0 : minimum}
        max={wide ? 1 : maximum}
        step={wide ? 0.001 : (maximum - minimum) / 400}
        value={place}
        disabled={disabled}
        aria-label={`${spoken(name)} of ${spoken(device.type)}`}
        aria-valuetext={amount(shown, described)}
        onPointerDown={() => {
          gesture.current = crypto.randomUUID();
        }}
        onInput={({ currentTarget }) => void change(rounded(turned(currentTarget.valueAsNumber)))}
      />
      <output>{amount(shown, described)}</output>
    </label>
  );
};

const rounded = (value: number): number => Number(value.toPrecision(4));
