import { cancel, type Job, jobs, titleOf } from "./store";

/** What the server is working on for this person, and what has become of it. */
export const JobTray = () => (
  <section class="tray" aria-label="Jobs">
    {jobs.value.length === 0 && <p class="quiet">Nothing has been asked for yet. A beat takes some seconds.</p>}
    <ul>
      {jobs.value.map((job) => (
        <Row key={job.id} job={job} />
      ))}
    </ul>
  </section>
);

const Row = ({ job }: { job: Job }) => {
  const { id, state, percent, words, ends, result } = job;
  const name = titleOf(job);
  return (
    <li data-state={state}>
      <strong>{name}</strong>
      <span>{result?.title ? String(result.title) : words}</span>
      {result?.audioUrl ? (
        // biome-ignore lint/a11y/useMediaCaption: it is music
        <audio controls preload="none" src={String(result.audioUrl)} aria-label={`${name}: listen`} />
      ) : null}
      {result?.downloadUrl ? <a href={String(result.downloadUrl)}>Download</a> : null}
      {state === "working" && (
        <>
          <progress max={100} value={percent} aria-label={`Progress of ${name}`} />
          {ends !== undefined && <span class="quiet">{left(ends)}</span>}
          <button type="button" onClick={() => void cancel(id)}>
            Cancel
          </button>
        </>
      )}
    </li>
  );
};

const left = (ends: number): string => {
  const seconds = Math.round((ends - Date.now()) / 1000);
  return seconds > 0 ? `about ${seconds} s left` : "any moment";
};
