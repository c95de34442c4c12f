import { mayEdit } from "../project/store";
import { countIn, inputLevel, monitoring, state, target, toggle } from "./recorder";

const WORDS = {
  idle: "Record",
  counting: "Stop the count-in",
  recording: "Stop recording",
  storing: "Storing the take",
};

/** The record button with what belongs to it, for the top of the page. */
export const RecordControls = () => {
  const now = state.value;
  return (
    <span class="record" data-state={now}>
      <button
        type="button"
        aria-label={WORDS[now]}
        title={`R, on ${target.value?.name ?? "a new track"}`}
        disabled={!mayEdit.value || now === "storing"}
        onClick={toggle}
      >
        ●
      </button>
      {now !== "idle" && (
        <>
          <meter min={0} max={1} high={0.9} value={inputLevel.value} aria-label="Level of the microphone" />
          <button
            type="button"
            aria-pressed={monitoring.value}
            onClick={() => {
              monitoring.value = !monitoring.value;
            }}
          >
            Hear myself
          </button>
        </>
      )}
      {now === "idle" && (
        <button
          type="button"
          aria-label="1234: count in before recording"
          title="Count in before recording"
          aria-pressed={countIn.value}
          onClick={() => {
            countIn.value = !countIn.value;
          }}
        >
          1234
        </button>
      )}
    </span>
  );
};
