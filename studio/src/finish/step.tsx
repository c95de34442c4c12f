import type { ComponentChildren } from "preact";
import { cancel, type Job, jobs } from "../generate/store";
import { openProject } from "../project/connection";
import { mayEdit } from "../project/store";

/** The newest job of a type that is about the open song. */
export const newest = (type: string): Job | undefined =>
  jobs.value.find((job) => job.type === type && job.projectId === openProject());

interface StepProps {
  name: string;
  words: string;
  type: string;
  start: () => unknown;
  disabled: boolean;
  children: ComponentChildren;
}

/** A step with what it takes, how far it is, and what came of it. */
export const Step = ({ name, words, type, start, disabled, children }: StepProps) => {
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

/** One of several. */
export const Chosen = <Value extends string | number>({ name, value, of, choose }: ChosenProps<Value>) => (
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
