import "./finish.css";
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { answered, api, type Schemas } from "../api/client";
import { begin, cancel, type Job, jobs } from "../generate/store";
import { dbText } from "../mixer/fader";
import { openProject } from "../project/connection";
import { clipsByTrack, mayEdit, tracks } from "../project/store";

type Mix = Required<Pick<Schemas["MixRequest"], "mixProfile" | "apply">>;
type Master = Required<Pick<Schemas["MasterRequest"], "quality">>;
type Render = Required<Pick<Schemas["RenderRequest"], "format" | "bitDepth" | "quality">>;

const mix = signal<Mix>({ mixProfile: "balanced", apply: true });
const master = signal<Master>({ quality: "streaming" });
const render = signal<Render>({ format: "wav", bitDepth: 24, quality: "high" });

const newest = (type: string): Job | undefined => jobs.value.find((job) => job.type === type);

/** From tracks to a file for others: mix, master, export. Each step is a job with a result to hear. */
export const FinishPanel = () => (
  <section class="finish" aria-label="Finish">
    <MixStep />
    <MasterStep />
    <ExportStep />
  </section>
);

const MixStep = () => {
  const { mixProfile, apply } = mix.value;
  const sounding = tracks.value.filter(({ id }) => clipsByTrack.value.get(id)?.length);
  const start = () => {
    const body = { ...mix.value, trackIds: sounding.map(({ id }) => id), addToProject: false };
    return begin("mix", answered(api.POST("/api/generate/mix", { body })));
  };
  return (
    <Step
      name="Mix"
      words="Faders and pans by what each track is, and a first file."
      type="mix"
      start={start}
      disabled={sounding.length === 0}
    >
      <Chosen
        name="Character"
        value={mixProfile}
        of={["balanced", "bass-heavy", "bright", "warm"]}
        choose={(chosen) => (mix.value = { ...mix.value, mixProfile: chosen })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={apply}
          onChange={({ currentTarget }) => (mix.value = { ...mix.value, apply: currentTarget.checked })}
        />
        Move the faders of this song
      </label>
    </Step>
  );
};

/** Loudness of the master, so that people see what it did. */
const loudness = (job: Job | undefined): string => {
  const { lufs, loudnessBefore, actualLoudness } = (job?.result ?? {}) as Record<string, number | undefined>;
  const after = actualLoudness ?? lufs;
  if (after === undefined) return "";
  const before = loudnessBefore === undefined ? "" : `${dbText(loudnessBefore)} → `;
  return `${before}${dbText(after)} LUFS`;
};

const MasterStep = () => {
  const mixed = newest("mix")?.result?.audioFileId ?? newest("render")?.result?.audioFileId;
  const start = () => {
    const body = { ...master.value, audioFileId: String(mixed) };
    return begin("master", answered(api.POST("/api/generate/master", { body })));
  };
  return (
    <Step
      name="Master"
      words={
        mixed ? "Loudness, tone and ceiling of the newest mix." : "Mix or export first: a master is made of that file."
      }
      type="master"
      start={start}
      disabled={!mixed}
    >
      <Chosen
        name="For"
        value={master.value.quality}
        of={["streaming", "cd", "club"]}
        choose={(quality) => (master.value = { quality })}
      />
      <span class="quiet">{loudness(newest("master"))}</span>
    </Step>
  );
};

const ExportStep = () => {
  const { format, bitDepth } = render.value;
  const projectId = openProject();
  const start = () => {
    const body = { ...render.value, projectId };
    return begin("render", answered(api.POST("/api/render/start", { body })));
  };
  const lossless = format === "wav" || format === "flac";
  return (
    <Step name="Export" words="The song as it is heard now, as one file." type="render" start={start} disabled={false}>
      <Chosen
        name="Format"
        value={format}
        of={["wav", "flac", "mp3", "ogg"]}
        choose={(chosen) => (render.value = { ...render.value, format: chosen })}
      />
      {lossless ? (
        <Chosen
          name="Bits"
          value={bitDepth}
          of={[16, 24, 32]}
          choose={(chosen) => (render.value = { ...render.value, bitDepth: chosen })}
        />
      ) : (
        <Chosen
          name="Quality"
          value={render.value.quality}
          of={["low", "medium", "high"]}
          choose={(chosen) => (render.value = { ...render.value, quality: chosen })}
        />
      )}
      <div class="row">
        <a href={`/api/projects/${projectId}/export?format=midi`} download>
          Notes as MIDI
        </a>
        <a href={`/api/projects/${projectId}/export?format=dawproject`} download>
          DAWproject
        </a>
        <a href={`/api/projects/${projectId}/export`} download>
          Everything as a zip
        </a>
      </div>
    </Step>
  );
};

interface StepProps {
  name: string;
  words: string;
  type: string;
  start: () => unknown;
  disabled: boolean;
  children: ComponentChildren;
}

const Step = ({ name, words, type, start, disabled, children }: StepProps) => {
  const job = newest(type);
  const working = job?.state === "working";
  const result = job?.state === "done" ? job.result : undefined;
  return (
    <div class="step">
      <h2>{name}</h2>
      <p class="quiet">{words}</p>
      {children}
      <div class="row">
        <button class="primary" type="button" disabled={disabled || working || !mayEdit.value} onClick={() => start()}>
          {name}
        </button>
        {working && job && (
          <>
            <progress max={100} value={job.percent} aria-label={`Progress of ${name}`} />
            <button type="button" onClick={() => void cancel(job.id)}>
              Cancel
            </button>
          </>
        )}
        {result?.downloadUrl ? <a href={String(result.downloadUrl)}>Download</a> : null}
      </div>
      {result?.audioUrl ? (
        // biome-ignore lint/a11y/useMediaCaption: it is music
        <audio controls preload="none" src={String(result.audioUrl)} aria-label={`${name}: listen`} />
      ) : null}
    </div>
  );
};

interface ChosenProps<Value extends string | number> {
  name: string;
  value: Value;
  of: readonly Value[];
  choose: (value: Value) => void;
}

const Chosen = <Value extends string | number>({ name, value, of, choose }: ChosenProps<Value>) => (
  <label class="chosen">
    {name}
    <select
      value={value}
      onChange={({ currentTarget }) => {
        const chosen = of[currentTarget.selectedIndex];
        if (chosen !== undefined) choose(chosen);
      }}
    >
      {of.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  </label>
);
