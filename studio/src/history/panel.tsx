import "./history.css";
import { useSignal, useSignalEffect } from "@preact/signals";
import { acknowledged, mayEdit } from "../project/store";
import { load, nameOf, restoreVersion, saveVersion, turns, versions } from "./store";

const SOURCES: Record<string, string> = {
  rest: "",
  socket: "",
  brain: "with the assistant",
  voice: "by voice",
  generation: "generated",
};

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Who did what, and the versions that were kept. */
export const HistoryPanel = () => {
  const name = useSignal("");
  useSignalEffect(() => {
    acknowledged.value?.project.revision; // whatever is done is shown
    void load().catch(() => {});
  });
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    void saveVersion(name.value.trim());
    name.value = "";
  };
  return (
    <section class="history" aria-label="History">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keys */}
      <div tabIndex={0} role="region" aria-label="Versions">
        <h2>Versions</h2>
        <form class="row" onSubmit={save}>
          <input
            aria-label="Name of a new version"
            placeholder="Name, such as “before the mix”"
            maxLength={120}
            value={name}
            onInput={({ currentTarget }) => {
              name.value = currentTarget.value;
            }}
          />
          <button class="primary" type="submit" disabled={!mayEdit.value}>
            Keep this version
          </button>
        </form>
        <ul>
          {versions.value.map(({ id, number = 0, name, createdAt, automatic }) => (
            <li key={id}>
              <b>{name ?? (automatic ? "Automatic" : `Version ${number}`)}</b>
              <span class="quiet">{createdAt ? day.format(new Date(createdAt)) : ""}</span>
              <button type="button" disabled={!mayEdit.value} onClick={() => void restoreVersion(number)}>
                Restore
              </button>
            </li>
          ))}
        </ul>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keys */}
      <div tabIndex={0} role="region" aria-label="What was done">
        <h2>What was done</h2>
        <ol>
          {turns.value.map(({ groupId, actorId, source, at, words }) => (
            <li key={groupId}>
              <time class="quiet">{clock.format(at)}</time>
              <b>{nameOf(actorId)}</b>
              <span>{words.slice(0, 3).join(", ") + (words.length > 3 ? ` and ${words.length - 3} more` : "")}</span>
              <span class="quiet">{SOURCES[source] ?? source}</span>
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
};
