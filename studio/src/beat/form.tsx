import { seconds } from "./beat";
import { cancelBeat, genres, makeBeat, progress, tempo, wish } from "./store";

const ROOTS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const BARS = [4, 8, 16, 32];

export const BeatForm = () => {
  const { genre, key, bpm, bars, prompt } = wish;
  const now = progress.value;
  const busy = now.state === "working";

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void makeBeat();
  };

  return (
    <form class="panel" onSubmit={submit}>
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
        <label>
          Key
          <select name="key" value={key} onChange={(event) => (key.value = event.currentTarget.value)}>
            {ROOTS.flatMap((root) => [
              <option key={root} value={`${root}m`}>{`${root} minor`}</option>,
              <option key={`${root} major`} value={root}>{`${root} major`}</option>,
            ])}
          </select>
        </label>
        <label>
          Tempo
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
          Length
          <select name="bars" value={bars} onChange={(event) => (bars.value = Number(event.currentTarget.value))}>
            {BARS.map((count) => (
              <option key={count} value={count}>
                {`${count} bars, ${Math.round(seconds(count, tempo.value))} s`}
              </option>
            ))}
          </select>
        </label>
        <label class="wide">
          In your words
          <input
            name="prompt"
            maxLength={2000}
            placeholder="dark, no hi-hats in the intro"
            value={prompt}
            onInput={(event) => (prompt.value = event.currentTarget.value)}
          />
        </label>
      </div>
      <div class="row">
        <button class="primary" type="submit" disabled={busy}>
          Make a beat
        </button>
        {busy && (
          <>
            <progress max={100} value={now.percent} aria-label="Progress" />
            <button type="button" onClick={() => void cancelBeat()}>
              Cancel
            </button>
          </>
        )}
        <p class={`outcome ${now.state === "failed" ? "trouble" : "news"}`} role="status">
          {now.state === "working" && `${now.words} · ${now.percent} %`}
          {now.state === "failed" && now.words}
        </p>
      </div>
    </form>
  );
};
