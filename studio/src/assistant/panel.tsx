import "./assistant.css";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clips, mayEdit } from "../project/store";
import { assistantOpen, selectedClips, selectedTrack } from "../view";
import {
  answering,
  ask,
  lookForKeys,
  type Message,
  messages,
  missing,
  type Step,
  spoken,
  stopAnswer,
  touchedBy,
  undoStep,
} from "./chat";
import { level, talk, toggleTalk } from "./talk";

/** The right side of the page: ask for anything, see what it changes. */
export const AssistantPanel = () => {
  const list = useRef<HTMLOListElement>(null);
  const text = useSignal("");
  const needed = missing.value?.text;

  useEffect(() => {
    void lookForKeys().catch(() => {});
  }, []);
  useEffect(() => list.current?.lastElementChild?.scrollIntoView({ block: "end" }), [messages.value]);

  const submit = (event: Event) => {
    event.preventDefault();
    const question = text.value.trim();
    if (!question || answering.value) return;
    text.value = "";
    void ask(question);
  };

  return (
    <aside class="assistant" aria-label="Assistant">
      <header class="row">
        <h2>Assistant</h2>
        <span class="grow" />
        <Talk />
        <button
          type="button"
          class="bare narrow"
          aria-label="Close the assistant"
          onClick={() => {
            assistantOpen.value = false;
          }}
        >
          ×
        </button>
      </header>
      <ol ref={list} class="talk" aria-live="polite">
        {messages.value.length === 0 && !needed && (
          <li class="quiet">Ask for a change: “a slower tempo”, “add a bass line”, “turn the drums down a little”.</li>
        )}
        {needed && (
          <li class="quiet">
            The assistant needs a key: set <code>{needed}</code> and start the server again. Everything else works
            without.
          </li>
        )}
        {messages.value.map((message) => (
          <Said key={message.id} message={message} />
        ))}
      </ol>
      <form onSubmit={submit}>
        <textarea
          aria-label="Message to the assistant"
          rows={3}
          maxLength={8000}
          placeholder={needed ? `Needs ${needed}` : "What shall I change?"}
          value={text}
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
          }}
        />
        {answering.value ? (
          <button type="button" onClick={stopAnswer}>
            Stop
          </button>
        ) : (
          <button class="primary" type="submit" disabled={!text.value.trim()}>
            Send
          </button>
        )}
      </form>
    </aside>
  );
};

const STATES = {
  off: "Talk",
  connecting: "Connecting",
  listening: "Listening",
  hearing: "Hearing you",
  answering: "Answering",
};

/** Speech in both directions; without a key it says what is missing. */
const Talk = () => {
  const needed = missing.value?.voice;
  if (needed) {
    return (
      <span class="quiet">
        voice needs <code>{needed}</code>
      </span>
    );
  }
  const now = talk.value;
  return (
    <>
      {now !== "off" && <meter min={0} max={1} value={level.value} aria-label="Level of the microphone" />}
      <button type="button" aria-pressed={now !== "off"} onClick={toggleTalk}>
        {STATES[now]}
      </button>
    </>
  );
};

const Said = ({ message: { id, role, text, steps, trouble, ended } }: { message: Message }) => (
  <li data-role={role}>
    {text.trim() && <p>{text.trim()}</p>}
    {steps.length > 0 && (
      <ul class="steps" aria-label="What it did">
        {steps.map((step) => (
          <Chip key={step.callId} step={step} messageId={id} steps={steps} />
        ))}
      </ul>
    )}
    {trouble && <p class="trouble">{trouble}</p>}
    {!ended && !text && steps.length === 0 && <p class="quiet">Thinking</p>}
  </li>
);

interface ChipProps {
  step: Step;
  messageId: string;
  steps: readonly Step[];
}

/** One thing that it did. A press shows what that was about; what it changed can be taken back by itself. */
const Chip = ({ step, messageId, steps }: ChipProps) => {
  const { name, state, words, revision, undone } = step;
  const show = () => {
    const about = touchedBy(step, steps);
    const clipIds = about.filter(({ entity }) => entity === "clip").map(({ id }) => id);
    if (clipIds.length > 0) selectedClips.value = new Set(clipIds);
    const track = about.find(({ entity }) => entity === "track")?.id ?? clips.value.get(clipIds[0] ?? "")?.trackId;
    if (track) selectedTrack.value = track;
  };
  return (
    <li data-state={undone ? "undone" : state} title={words}>
      <button type="button" class="bare" disabled={revision === undefined} onClick={show} onMouseEnter={show}>
        {spoken(name)}
      </button>
      {revision !== undefined && !undone && mayEdit.value && (
        <button
          type="button"
          class="bare"
          aria-label={`Undo ${spoken(name)}`}
          onClick={() => void undoStep(messageId, step)}
        >
          ↶
        </button>
      )}
    </li>
  );
};
