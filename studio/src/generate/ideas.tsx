import { computed, signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { createClip, createTrack } from "../project/edits";
import { loop, looping, mayEdit, project, tempoMap } from "../project/store";
import { player } from "../sound/player";
import { begin, cancel, genres, type Job, jobs, wish } from "./store";

const PARTS = ["drums", "bass", "chords", "melody"] as const;
type Part = (typeof PARTS)[number];
const MOST = 4;

const part = signal<Part>("bass");
const count = signal(3);
const asked = signal<ReadonlySet<string>>(new Set()); // jobs whose results are ideas

/** Where an idea goes: the loop region while it is on, else eight bars from the bar of the playhead on. */
const range = computed(() => {
  const map = tempoMap.value;
  if (looping.value && loop.value) {
    const [from, to] = [map.beat(loop.value.from), map.beat(loop.value.to)];
    return { from, bars: Math.max(1, Math.round((to - from) / map.metre(from).length)) };
  }
  const { bar } = map.position(map.beat(player.position.value));
  return { from: map.beatOfBar(bar - 1), bars: 8 };
});

/** Asks for several of one kind, in the tempo and the key of the song; nothing is placed before one is chosen. */
const ask = async (): Promise<void> => {
  const map = tempoMap.peek();
  const { from, bars } = range.peek();
  const body: Schemas["StemsRequest"] = {
    type: part.value,
    genre: wish.genre.value,
    prompt: wish.prompt.value,
    key: project.peek()?.key ?? wish.key.value,
    bpm: map.bpm(from),
    bars: Math.min(128, bars),
    addToProject: false,
  };
  for (let each = 0; each < count.value; each++) {
    const request = answered(api.POST("/api/generate/stems", { body }));
    const { jobId } = (await request.catch(() => ({}))) as { jobId?: string };
    if (jobId) asked.value = new Set([...asked.value, jobId]);
    await begin("beat", request);
  }
};

const take = async (job: Job): Promise<void> => {
  const { audioFileId, duration, title } = job.result as { audioFileId: string; duration: number; title: string };
  const name = String(title ?? part.value);
  const track = (await createTrack({ name, trackType: "AUDIO" })).track as { id: string } | undefined;
  if (!track) return;
  const startTime = tempoMap.peek().seconds(range.peek().from);
  await createClip({ trackId: track.id, startTime, audioFileId, duration, name });
};

/** Variations side by side: listen, then take one. */
export const IdeasPanel = () => (
  <section class="ideas" aria-label="Ideas">
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
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
      <span class="quiet">
        {`${range.value.bars} bars from bar ${tempoMap.value.position(range.value.from).bar}, in ${project.value?.key ?? "C"}, at ${Math.round(tempoMap.value.bpm(range.value.from))} bpm`}
      </span>
    </form>
    <ul>
      {jobs.value
        .filter(({ id, idea }) => idea || asked.value.has(id))
        .map((job) => (
          <li key={job.id}>
            <b>{String(job.result?.title ?? "…")}</b>
            {job.state === "working" ? (
              <>
                <progress max={100} value={job.percent} aria-label="Progress" />
                <button type="button" onClick={() => void cancel(job.id)}>
                  Cancel
                </button>
              </>
            ) : job.state === "done" ? (
              <>
                {/* biome-ignore lint/a11y/useMediaCaption: it is music */}
                <audio controls preload="none" src={String(job.result?.audioUrl)} aria-label="Listen" />
                <button type="button" disabled={!mayEdit.value} onClick={() => void take(job)}>
                  Use this
                </button>
              </>
            ) : (
              <span class="trouble">{job.words}</span>
            )}
          </li>
        ))}
    </ul>
  </section>
);
