import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { change, remove } from "../project/edits";
import type { TempoEvent } from "../project/entities";
import { tempoMap } from "../project/store";
import { colourOf } from "./palette";
import { edited, found, TITLES } from "./places";

/** The fields of what was double-clicked in the ruler; each is stored when it is left. */
export const PlaceEditor = () => {
  const open = edited.value;
  return open && found(open.kind, open.id) ? <Popup key={open.id} {...open} /> : null;
};

const close = (): void => {
  edited.value = null;
};

const Popup = ({ kind, id, x, y }: NonNullable<typeof edited.value>) => {
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const form = element.current;
    const first = form?.querySelector<HTMLInputElement>("input");
    first?.focus();
    first?.select();
    const leave = ({ target }: Event) => {
      if (form?.contains(target as Node)) return;
      (document.activeElement as HTMLElement | null)?.blur();
      close();
    };
    window.addEventListener("pointerdown", leave, true);
    return () => window.removeEventListener("pointerdown", leave, true);
  }, []);
  return (
    <form
      ref={element}
      class="place"
      aria-label={TITLES[kind]}
      style={{ left: `${Math.min(x, innerWidth - 260)}px`, top: `${Math.min(y + 8, innerHeight - 200)}px` }}
      onSubmit={(event) => {
        event.preventDefault();
        (document.activeElement as HTMLElement | null)?.blur();
        close();
      }}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <Fields kind={kind} id={id} />
      <div class="row">
        <button type="submit">Done</button>
        <button
          type="button"
          onClick={() => {
            close();
            void remove(kind, id);
          }}
        >
          Delete
        </button>
      </div>
    </form>
  );
};

const Fields = ({ kind, id }: { kind: NonNullable<typeof edited.value>["kind"]; id: string }) => {
  const map = tempoMap.value;
  if (kind === "marker" || kind === "section") {
    const place = found(kind, id);
    const section = kind === "section" ? found("section", id) : null;
    if (!place) return null;
    const perBar = map.metre(place.beat).length;
    return (
      <>
        <Text name="Name" value={place.name} store={(name) => change(kind, id, { name })} />
        {section && (
          <Count
            name="Bars"
            value={section.length / perBar}
            min={0.25}
            max={1000}
            step={0.25}
            store={(bars) => change("section", id, { length: bars * perBar })}
          />
        )}
        <Labelled name="Colour">
          <input
            type="color"
            value={colourOf(place.color, id)}
            onChange={({ currentTarget }) => void change(kind, id, { color: currentTarget.value })}
          />
        </Labelled>
      </>
    );
  }
  if (kind === "chord") {
    const chord = found(kind, id);
    return chord && <Text name="Chord" value={chord.symbol} store={(symbol) => change(kind, id, { symbol })} />;
  }
  if (kind === "timeSignatureEvent") {
    const metre = found(kind, id);
    const store = (timeSignature: string) => change(kind, id, { timeSignature });
    return metre && <Text name="Metre" value={metre.timeSignature} store={store} />;
  }
  const tempo = found("tempoEvent", id);
  if (!tempo) return null;
  return (
    <>
      <Count
        name="Tempo"
        value={tempo.bpm}
        min={20}
        max={300}
        step={0.01}
        store={(bpm) => change("tempoEvent", id, { bpm })}
      />
      <Labelled name="Until the next">
        <select
          value={tempo.curve}
          onChange={({ currentTarget }) =>
            void change("tempoEvent", id, { curve: currentTarget.value as TempoEvent["curve"] })
          }
        >
          <option value="jump">stays</option>
          <option value="linear">goes there evenly</option>
        </select>
      </Labelled>
    </>
  );
};

const Labelled = ({ name, children }: { name: string; children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
  <label>
    <span>{name}</span>
    {children}
  </label>
);

interface Stored<Value> {
  name: string;
  value: Value;
  store: (value: Value) => unknown;
}

const Text = ({ name, value, store }: Stored<string>) => (
  <Labelled name={name}>
    <input
      value={value}
      maxLength={120}
      onChange={({ currentTarget }) => {
        const wanted = currentTarget.value.trim();
        if (wanted && wanted !== value) void store(wanted);
      }}
    />
  </Labelled>
);

const Count = ({ name, value, min, max, step, store }: Stored<number> & { min: number; max: number; step: number }) => (
  <Labelled name={name}>
    <input
      type="number"
      {...{ min, max, step }}
      value={value}
      onChange={({ currentTarget }) => {
        if (currentTarget.validity.valid && currentTarget.value) void store(currentTarget.valueAsNumber);
      }}
    />
  </Labelled>
);
