import { cancel, jobs } from "./store";

/** What the server is working on for this person, and what has become of it. */
export const JobTray = () => (
  <section class="tray" aria-label="Jobs">
    {jobs.value.length === 0 && <p class="quiet">Nothing has been asked for yet. A beat takes some seconds.</p>}
    <ul>
      {jobs.value.map(({ id, type, state, percent, words, result }) => (
        <li key={id} data-state={state}>
          <strong>{type}</strong>
          <span>{result?.title ? String(result.title) : words}</span>
          {state === "working" && (
            <>
              <progress max={100} value={percent} aria-label={`Progress of ${type}`} />
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
