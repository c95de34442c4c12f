import "./history.css";
import { useSignal, useSignalEffect } from "@preact/signals";
import { acknowledged, mayEdit } from "../project/store";
import {
  actor,
  actors,
  goBackTo,
  isOwn,
  load,
  nameOf,
  restoreVersion,
  saveVersion,
  show,
  shown,
  type Turn,
  turns,
  undone,
  undoTurn,
  versions,
} from "./store";

const SOURCES: Record<string, string> = {
  rest: "",
  socket: "",
  brain: "with the assistant",
  voice: "by voice",
  generation: "generated",
  undo: "taken back",
  redo: "repeated",
  restore: "a version restored",
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
        <div class="row">
          <h2>What was done</h2>
          {actors.value.length > 1 && <Filter />}
        </div>
        <ol>
          {shown.value.map((turn) => (
            <TurnRow key={turn.groupId} turn={turn} />
          ))}
        </ol>
      </div>
    </section>
  );
};

const FEW = 3; // of what belongs together, said at once

/** One step: in words, to look at what it was about, to take back, or to go back to. */
const TurnRow = ({ turn }: { turn: Turn }) => {
  const { actorId, source, at, words } = turn;
  const more = words.length > FEW ? ` and ${words.length - FEW} more` : "";
  const said = words.slice(0, FEW).join(", ") + more;
  const newest = turns.value[0] === turn;
  return (
    <li data-state={undone.value.has(turn.groupId) ? "undone" : ""}>
      <time class="quiet">{clock.format(at)}</time>
      <b>{nameOf(actorId)}</b>
      <button type="button" class="bare said" title={words.join("\n")} onClick={() => show(turn)}>
        {said}
      </button>
      <span class="quiet">{SOURCES[source] ?? source}</span>
      <button
        type="button"
        class="bare"
        aria-label={`Undo: ${said}`}
        disabled={!mayEdit.value || !isOwn(turn)}
        onClick={() => void undoTurn(turn)}
      >
        ↶ Undo
      </button>
      <button
        type="button"
        class="bare"
        aria-label={`Go back to here: ${said}`}
        disabled={!mayEdit.value || newest}
        title="Takes back what you have done since"
        onClick={() => void goBackTo(turn)}
      >
        Go back to here
      </button>
    </li>
  );
};

/** What one person has done, or all. */
const Filter = () => (
  <select
    aria-label="By whom"
    value={actor.value ?? ""}
    onChange={({ currentTarget }) => {
      actor.value = currentTarget.value || null;
    }}
  >
    <option value="">everybody</option>
    {actors.value.map((id) => (
      <option key={id} value={id}>
        {nameOf(id)}
      </option>
    ))}
  </select>
);
