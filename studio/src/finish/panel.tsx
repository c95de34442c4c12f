import "./finish.css";
import { signal } from "@preact/signals";
import { answered, api, type Schemas } from "../api/client";
import { begin, type Job } from "../generate/store";
import { dbText } from "../mixer/fader";
import { openProject } from "../project/connection";
import { clips, clipsByTrack, tracks } from "../project/store";
import { Chosen, newest, Step } from "./step";

type Mix = Required<Pick<Schemas["MixRequest"], "mixProfile" | "apply">>;
type Master = Required<Pick<Schemas["MasterRequest"], "quality">>;
type Render = Required<Pick<Schemas["RenderRequest"], "format" | "bitDepth" | "quality" | "stems">>;

const SONG = "this song";
const MIX = "the newest mix";

const mix = signal<Mix>({ mixProfile: "balanced", apply: true });
const master = signal<Master>({ quality: "streaming" });
const source = signal<typeof SONG | typeof MIX>(SONG);
const render = signal<Render>({ format: "wav", bitDepth: 24, quality: "high", stems: false });

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

/** Loudness before and after, so that people see what it did. */
const loudness = (job: Job | undefined): string => {
  const { before, after } = (job?.result ?? {}) as Record<"before" | "after", Schemas["LoudnessFacts"] | undefined>;
  const [from, to] = [before?.integratedLUFS, after?.integratedLUFS];
  if (typeof to !== "number") return "";
  return `${typeof from === "number" ? `${dbText(from)} → ` : ""}${dbText(to)} LUFS`;
};

const MasterStep = () => {
  const mixed = newest("mix")?.result?.audioFileId;
  const ofMix = mixed !== undefined && source.value === MIX;
  const start = () => {
    const what = ofMix ? { audioFileId: String(mixed) } : { projectId: openProject(), addToProject: false };
    return begin("master", answered(api.POST("/api/generate/master", { body: { ...master.value, ...what } })));
  };
  return (
    <Step
      name="Master"
      words="Loudness, tone and ceiling, for where it is to be heard."
      type="master"
      start={start}
      disabled={clips.value.size === 0}
    >
      <Chosen
        name="Of"
        value={ofMix ? MIX : SONG}
        of={mixed === undefined ? [SONG] : [SONG, MIX]}
        choose={(chosen) => (source.value = chosen)}
      />
      <Chosen
        name="For"
        value={master.value.quality}
        of={["streaming", "cd", "club"]}
        choose={(quality) => (master.value = { quality })}
      />
      <output aria-label="Loudness before and after">{loudness(newest("master"))}</output>
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
    <Step name="Export" words="The song as it is heard now." type="render" start={start} disabled={false}>
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
      <label class="check">
        <input
          type="checkbox"
          checked={render.value.stems}
          onChange={({ currentTarget }) => (render.value = { ...render.value, stems: currentTarget.checked })}
        />
        A file of each track as well
      </label>
      <Stems stems={newest("render")?.result?.stems as Stem[] | undefined} />
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

type Stem = Schemas["StemResult"];

/** The files of single tracks that came with the newest export. */
const Stems = ({ stems = [] }: { stems?: readonly Stem[] | undefined }) =>
  stems.length > 0 && (
    <ul class="stems" aria-label="Stems">
      {stems.map(({ audioFileId, type, downloadUrl }) => (
        <li key={audioFileId}>
          <a href={downloadUrl}>{type}</a>
        </li>
      ))}
    </ul>
  );
