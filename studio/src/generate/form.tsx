import "./generate.css";
import { signal } from "@preact/signals";
import { clips, mayEdit, project } from "../project/store";
import { KEYS } from "../time/keys";
import { busy, cancel, genres, makeBeat, seconds, tempo, wish } from "./store";

const BARS = [4, 8, 16, 32];

/** Whether it was asked for while there is music, which needs the room otherwise. */
const asked = signal(false);

/** "What do you want to hear?": large in an empty song, folded to a line as soon as there is something to hear. */
export const BeatForm = () => {
  const empty = project.value !== null && clips.value.size === 0;
  return (
    <section class={`wish ${empty ? "large" : ""}`} aria-label="Make a beat">
      {empty ? (
        <h1>What do you want to hear?</h1>
      ) : (
        <button
          type="button"
          class="bare"
          aria-expanded={asked.value}
          onClick={() => {
            asked.value = !asked.value;
          }}
        >
          {`${asked.value ? "▾" : "▸"} What do you want to hear next?`}
        </button>
      )}
      {(empty || asked.value) && <Wishes />}
      <Working />
    </section>
  );
};

const Working = () => {
  const [job] = busy.value;
  if (!job) return null;
  return (
    <div class="row working">
      <progress max={100} value={job.percent} aria-label="Progress" />
      <p role="status">{`${job.words} · ${job.percent} %`}</p>
      <button type="button" onClick={() => void cancel(job.id)}>
        Cancel
      </button>
    </div>
  );
};

const Wishes = () => {
  const { genre, key, bpm, bars, prompt } = wish;

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void makeBeat();
  };

  return (
    <form onSubmit={submit}>
      <fieldset class="chips">
        <legend class="unseen">Genre</legend>
        {genres.value.map(({ name }) => (
          <label key={name}>
            <input
              type="radio"
              name="genre"
              value={name}
              checked={genre.value === name}
              onChange={() => {
                genre.value = name;
              }}
            />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
      <div class="row">
        <label class="wide">
          <span class="unseen">In your words</span>
          <input
            name="prompt"
            maxLength={2000}
            placeholder="In your words: dark, no hi-hats in the intro"
            value={prompt}
            onInput={(event) => (prompt.value = event.currentTarget.value)}
          />
        </label>
        <label>
          <span class="unseen">Key</span>
          <select name="key" value={key} onChange={(event) => (key.value = event.currentTarget.value)}>
            {KEYS.map(([each, words]) => (
              <option key={each} value={each}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="unseen">Tempo in bpm</span>
          <input
            name="bpm"
            type="number"
            min={60}
            max={200}
            placeholder={`${tempo} bpm`}
            value={bpm.value ?? ""}
            onInput={({ currentTarget }) => {
              bpm.value = currentTarget.value ? currentTarget.valueAsNumber : null;
            }}
          />
        </label>
        <label>
          <span class="unseen">Length</span>
          <select name="bars" value={bars} onChange={(event) => (bars.value = Number(event.currentTarget.value))}>
            {BARS.map((count) => (
              <option key={count} value={count}>
                {`${count} bars, ${Math.round(seconds(count))} s`}
              </option>
            ))}
          </select>
        </label>
        <button class="primary" type="submit" disabled={!mayEdit.value}>
          Make a beat
        </button>
      </div>
    </form>
  );
};
