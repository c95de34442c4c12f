import { useSignal, useSignalEffect } from "@preact/signals";
import "./bar.css";
import { Position } from "../arrangement/arrangement";
import { sheetOpen } from "../keyboard";
import { ShareDialog } from "../people/share";
import { connection, people } from "../project/connection";
import { redo, toggleLoop, undo, updateProject } from "../project/edits";
import { clips, loop, looping, mayEdit, project, waiting } from "../project/store";
import { ProjectsDialog } from "../projects/dialog";
import { RecordControls } from "../recording/controls";
import { player } from "../sound/player";
import { KEYS } from "../time/keys";
import { Field } from "../ui/field";
import { type MenuItem, showMenuBelow } from "../ui/menu";
import { assistantOpen, panel, type Theme, theme } from "../view";
import { Tempo } from "./tempo";

const THEMES: readonly [Theme, string][] = [
  ["system", "As the system is"],
  ["light", "Light"],
  ["dark", "Dark"],
];

const METRES = ["4/4", "3/4", "6/8", "12/8", "5/4", "7/8", "2/4"];

const more = (): readonly MenuItem[] => [
  { words: "Keys", keys: "?", run: () => (sheetOpen.value = true) },
  ...THEMES.map(([name, words]) => ({ words, on: theme.value === name, run: () => (theme.value = name) })),
  { words: "Status of the server", run: () => location.assign("/studio/status"), apart: true },
  { words: "REST API", run: () => location.assign("/docs") },
  { words: "Socket events", run: () => location.assign("/docs/sockets") },
];

/** The top of the page: what plays, where, how fast, and who is here. */
export const TransportBar = () => {
  const open = project.value;
  const heard = useSignal(false);
  useSignalEffect(() => {
    if (player.playing.value) heard.value = true;
  });
  const ready = !heard.value && clips.value.size > 0;
  return (
    <header class="bar">
      <strong class="mark">DAWG</strong>
      <ProjectName />
      <div class="group" role="group" aria-label="Transport">
        <button
          class={`play ${player.playing.value ? "" : "primary"} ${ready ? "breathes" : ""}`}
          type="button"
          aria-label={player.playing.value ? "Stop" : "Play"}
          title="Space"
          onClick={() => void player.toggle()}
        >
          {player.playing.value ? "■" : "▶"}
        </button>
        <button type="button" aria-label="Back to the beginning" title="Home" onClick={() => player.seek(0)}>
          ⇤
        </button>
        <button
          type="button"
          aria-label="Loop"
          title="L"
          aria-pressed={looping.value}
          disabled={!loop.value || !mayEdit.value}
          onClick={() => void toggleLoop()}
        >
          ⟲
        </button>
        <RecordControls />
        <button
          type="button"
          aria-label="Metronome"
          title="M"
          aria-pressed={player.metronome.value}
          onClick={() => {
            player.metronome.value = !player.metronome.value;
          }}
        >
          ♩
        </button>
      </div>
      <Position />
      {open && (
        <div class="group" role="group" aria-label="Tempo, metre and key">
          <Tempo bpm={open.bpm} />
          <select
            aria-label="Metre"
            value={open.timeSignature}
            disabled={!mayEdit.value}
            onChange={({ currentTarget }) => void updateProject({ timeSignature: currentTarget.value })}
          >
            {METRES.map((metre) => (
              <option key={metre}>{metre}</option>
            ))}
          </select>
          <select
            aria-label="Key"
            value={open.key ?? ""}
            disabled={!mayEdit.value}
            onChange={({ currentTarget }) => void updateProject({ key: currentTarget.value })}
          >
            {!open.key && <option value="">No key</option>}
            {open.key && !KEYS.some(([key]) => key === open.key) && <option>{open.key}</option>}
            {KEYS.map(([key, words]) => (
              <option key={key} value={key}>
                {words}
              </option>
            ))}
          </select>
        </div>
      )}
      <div class="group" role="group" aria-label="History">
        <button type="button" aria-label="Undo" title="Ctrl Z" disabled={!mayEdit.value} onClick={() => void undo()}>
          ↶
        </button>
        <button
          type="button"
          aria-label="Redo"
          title="Ctrl Shift Z"
          disabled={!mayEdit.value}
          onClick={() => void redo()}
        >
          ↷
        </button>
      </div>
      <span class="grow" />
      <Connection />
      <ul class="people" aria-label="Who is here">
        {people.value.map(({ userId, username }) => (
          <li key={userId} title={username}>
            {username.slice(0, 2)}
          </li>
        ))}
      </ul>
      <ShareButton />
      <button
        type="button"
        title="Mix, master, stems and files"
        onClick={() => {
          panel.value = "finish";
        }}
      >
        Export
      </button>
      <button
        type="button"
        aria-pressed={assistantOpen.value}
        onClick={() => {
          assistantOpen.value = !assistantOpen.value;
        }}
      >
        Assistant
      </button>
      <button
        type="button"
        aria-haspopup="menu"
        aria-label="More"
        onClick={({ currentTarget }) => showMenuBelow(currentTarget, "More", more())}
      >
        ⋯
      </button>
    </header>
  );
};

const ShareButton = () => {
  const open = useSignal(false);
  return (
    <>
      <button type="button" disabled={!project.value} onClick={() => (open.value = true)}>
        Share
      </button>
      {open.value && <ShareDialog close={() => (open.value = false)} />}
    </>
  );
};

const ProjectName = () => {
  const listed = useSignal(false);
  const open = project.value;
  return (
    <div class="group">
      <Field
        class="name"
        aria-label="Name of the song"
        value={open?.name ?? ""}
        maxLength={120}
        disabled={!mayEdit.value}
        change={(name) => updateProject({ name })}
      />
      <button
        type="button"
        onClick={() => {
          listed.value = true;
        }}
      >
        Songs
      </button>
      {listed.value && <ProjectsDialog close={() => (listed.value = false)} />}
    </div>
  );
};

const Connection = () => {
  const words = {
    connecting: "Connecting",
    online: waiting.value.length > 0 ? "Saving" : "Saved",
    offline: waiting.value.length > 0 ? `Offline: ${waiting.value.length} edits wait` : "Offline",
  }[connection.value];
  return (
    <span class="health" data-state={connection.value} role="status">
      {words}
    </span>
  );
};
