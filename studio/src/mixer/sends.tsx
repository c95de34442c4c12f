import { useRef } from "preact/hooks";
import { createSend, deleteSend, updateSend } from "../project/edits";
import type { Send, Track } from "../project/entities";
import { mayEdit, sends, tracks } from "../project/store";
import { dbText, LOUDEST, SILENT, toDb, toLinear } from "./fader";

/** What a track gives to buses: how much, and whether before its fader. */
export const Sends = ({ track }: { track: Track }) => {
  const own = sends.value.filter(({ trackId }) => trackId === track.id);
  const taken = new Set([track.id, ...own.map(({ destinationTrackId }) => destinationTrackId)]);
  const free = tracks.value.filter(({ id, trackType }) => trackType === "AUX" && !taken.has(id));
  return (
    <div class="sends">
      {own.map((send) => (
        <SendRow key={send.id} send={send} from={track.name} />
      ))}
      {free.length > 0 && (
        <select
          aria-label={`Send ${track.name} to a bus`}
          value=""
          disabled={!mayEdit.value}
          onChange={({ currentTarget }) => {
            const destinationTrackId = currentTarget.value;
            currentTarget.value = "";
            if (destinationTrackId) void createSend({ trackId: track.id, destinationTrackId });
          }}
        >
          <option value="">Send…</option>
          {free.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </div>
  );
};

const SendRow = ({ send, from }: { send: Send; from: string }) => {
  const gesture = useRef("");
  const { id, destinationTrackId, level, preFader } = send;
  const to = tracks.value.find((track) => track.id === destinationTrackId)?.name ?? "a bus";
  const db = toDb(level);
  const off = !mayEdit.value;
  return (
    <div class="send" role="group" aria-label={`${from} to ${to}`}>
      <span title={`${to}, ${dbText(db)} dB`}>{to}</span>
      <button
        type="button"
        class="switch"
        aria-label={`${from} to ${to}: ${preFader ? "pre" : "post"} fader`}
        title="Before or after the fader"
        aria-pressed={preFader}
        disabled={off}
        onClick={() => void updateSend(id, { preFader: !preFader })}
      >
        {preFader ? "pre" : "post"}
      </button>
      <button
        type="button"
        class="bare"
        aria-label={`No longer send ${from} to ${to}`}
        disabled={off}
        onClick={() => void deleteSend(id)}
      >
        ×
      </button>
      <input
        type="range"
        min={SILENT}
        max={LOUDEST}
        step={0.1}
        value={db}
        disabled={off}
        aria-label={`Level of ${from} to ${to}`}
        aria-valuetext={`${dbText(db)} dB`}
        onPointerDown={() => {
          gesture.current = crypto.randomUUID();
        }}
        onInput={({ currentTarget }) =>
          void updateSend(id, { level: toLinear(currentTarget.valueAsNumber) }, { gesture: gesture.current })
        }
      />
    </div>
  );
};
