import { cancel, jobs } from "./store";

/** What the server is working on for this person, and what has become of it. */
export const JobTray = () => (
  <section class="tray" aria-label="Jobs">
    {jobs.value.length === 0 && <p class="quiet">Nothing has been asked for yet. A beat takes some seconds.</p>}
    <ul>
      {jobs.value.map(({ id, type, state, percent, words, ends, result }) => (
        <li key={id} data-state={state}>
          <strong>{type}</strong>
          <span>{result?.title ? String(result.title) : words}</span>
          {result?.audioUrl ? (
            // biome-ignore lint/a11y/useMediaCaption: it is music
            <audio controls preload="none" src={String(result.audioUrl)} aria-label={`${type}: listen`} />
          ) : null}
          {state === "working" && (
            <>
              <progress max={100} value={percent} aria-label={`Progress of ${type}`} />
              {ends !== undefined && <span class="quiet">{left(ends)}</span>}
              <button type="button" onClick={() => void cancel(id)}>
                Cancel
              </button>
            </>
          )}
        </li>
      ))}
    </ul>
  </section>
);

const left = (ends: number): string => {
  const seconds = Math.round((ends - Date.now()) / 1000);
  return seconds > 0 ? `about ${seconds} s left` : "any moment";
};
