import type { Clip, Track } from "../project/entities";
import { mayEdit, project, tempoMap } from "../project/store";
import { notesOf } from "../sound/notes";
import { clock } from "../time/tempo-map";
import { askForIdeas, count, heard, hearInSong, ideas, PARTS, type Part, part, range, takeIdea } from "./ideas-store";
import { hearVariation, keepVariation, variations } from "./parts";
import { cancel, genres, type Job, wish } from "./store";

const MOST = 4;

/** Variations side by side: listen to them in the song or alone, then take one. */
export const IdeasPanel = () => (
  <section class="ideas" aria-label="Ideas">
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        void askForIdeas();
      }}
    >
      <select
        aria-label="What is wanted"
        value={part}
        onChange={({ currentTarget }) => (part.value = currentTarget.value as Part)}
      >
        {PARTS.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <select
        aria-label="Genre"
        value={wish.genre}
        onChange={({ currentTarget }) => (wish.genre.value = currentTarget.value)}
      >
        {genres.value.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="How many"
        value={count}
        onChange={({ currentTarget }) => (count.value = Number(currentTarget.value))}
      >
        {Array.from({ length: MOST }, (_, each) => (
          <option key={each} value={each + 1}>{`${each + 1} variation${each ? "s" : ""}`}</option>
        ))}
      </select>
      <button class="primary" type="submit" disabled={!mayEdit.value}>
        Make
      </button>
      <Where />
    </form>
    {variations.value.length > 0 && (
      <ul aria-label="Written for this song">
        {variations.value.map((each) => (
          <Variation key={each.track.id} {...each} />
        ))}
      </ul>
    )}
    <ul>
      {ideas.value.map(({ job, name }) => (
        <Idea key={job.id} job={job} name={name} />
      ))}
    </ul>
  </section>
);

/** Notes that lie on a track of the song already; one of several is heard. */
const Variation = ({ track: { id, name, isMuted }, clip }: { track: Track; clip: Clip }) => {
  const map = tempoMap.value;
  const { bar } = map.position(clip.startBeat);
  return (
    <li>
      <b>{name}</b>
      <span class="quiet">{`bar ${bar}, ${clock(clip.duration)}`}</span>
      <button
        type="button"
        aria-label={`In the song: ${name}`}
        aria-pressed={!isMuted}
        disabled={!mayEdit.value}
        onClick={() => hearVariation(id)}
      >
        In the song
      </button>
      <span class="quiet">{`${notesOf(clip).length} notes`}</span>
      <button
        type="button"
        aria-label={`Keep only this: ${name}`}
        disabled={!mayEdit.value}
        onClick={() => keepVariation(id)}
      >
        Keep only this
      </button>
    </li>
  );
};

const Where = () => {
  const { from, bars } = range.value;
  const map = tempoMap.value;
  const where = `${bars === 1 ? "1 bar" : `${bars} bars`} from bar ${map.position(from).bar}`;
  return <span class="quiet">{`${where}, in ${project.value?.key ?? "C"}, at ${Math.round(map.bpm(from))} bpm`}</span>;
};

const Idea = ({ job, name }: { job: Job; name: string }) => {
  const { id, state, percent, words, result, startTime = 0 } = job;
  const bar = tempoMap.value.position(tempoMap.value.beat(startTime)).bar;
  return (
    <li>
      <b>{name}</b>
      {state === "working" ? (
        <>
          <progress max={100} value={percent} aria-label={`Progress of ${name}`} />
          <button type="button" onClick={() => void cancel(id)}>
            Cancel
          </button>
        </>
      ) : state === "done" ? (
        <>
          <span class="quiet">{`bar ${bar}, ${clock(Number(result?.duration ?? 0))}`}</span>
          <button
            type="button"
            aria-label={`In the song: ${name}`}
            aria-pressed={heard.value === id}
            onClick={() => hearInSong(job, name)}
          >
            In the song
          </button>
          {/* biome-ignore lint/a11y/useMediaCaption: it is music */}
          <audio controls preload="none" src={String(result?.audioUrl)} aria-label={`${name} alone`} />
          <button
            type="button"
            aria-label={`Use this: ${name}`}
            disabled={!mayEdit.value}
            onClick={() => void takeIdea(job, name)}
          >
            Use this
          </button>
        </>
      ) : (
        <span class="trouble">{words}</span>
      )}
    </li>
  );
};
