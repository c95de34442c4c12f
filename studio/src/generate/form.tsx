import "./generate.css";
import { mayEdit } from "../project/store";
import { busy, cancel, genres, makeBeat, seconds, tempo, wish } from "./store";

const ROOTS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const BARS = [4, 8, 16, 32];

/** "What do you want to hear?": one line of wishes, one button. */
export const BeatForm = () => {
  const { genre, key, bpm, bars, prompt } = wish;
  const [job] = busy.value;

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void makeBeat();
  };

  return (
    <form class="wish" aria-label="Make a beat" onSubmit={submit}>
      <h1>What do you want to hear?</h1>
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
            {ROOTS.flatMap((root) => [
              <option key={root} value={`${root}m`}>{`${root} minor`}</option>,
              <option key={`${root} major`} value={root}>{`${root} major`}</option>,
            ])}
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
      {job && (
        <div class="row working">
          <progress max={100} value={job.percent} aria-label="Progress" />
          <p role="status">{`${job.words} · ${job.percent} %`}</p>
          <button type="button" onClick={() => void cancel(job.id)}>
            Cancel
          </button>
        </div>
      )}
    </form>
  );
};
