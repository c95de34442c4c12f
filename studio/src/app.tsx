import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { needsSignIn } from "./api/session";
import { SignIn } from "./api/sign-in";
import { Arrangement } from "./arrangement/arrangement";
import { AssistantPanel } from "./assistant/panel";
import { FinishPanel } from "./finish/panel";
import { BeatForm } from "./generate/form";
import { IdeasPanel } from "./generate/ideas";
import { loadGenres } from "./generate/store";
import { JobTray } from "./generate/tray";
import { HistoryPanel } from "./history/panel";
import { listenToKeys } from "./keyboard";
import { LyricsPanel } from "./lyrics/panel";
import { DevicesPanel } from "./mixer/devices";
import { Mixer } from "./mixer/mixer";
import { PianoRoll } from "./notes/roll";
import { connection, refused } from "./project/connection";
import { createProject, openOwnProject, openSomeProject } from "./project/open";
import { project, waiting } from "./project/store";
import { TransportBar } from "./transport/bar";
import { ShortcutSheet } from "./ui/shortcuts";
import { assistantOpen, type Panel, panel } from "./view";

/** Opens a song, as soon as the server lets this person in. */
export const enter = async (): Promise<void> => {
  try {
    await Promise.all([openSomeProject(), loadGenres().catch(() => {})]);
  } catch (error) {
    if (!needsSignIn.value) refused.value = (error as Error).message;
  }
};

export const App = () => {
  useEffect(() => {
    void enter();
    return listenToKeys();
  }, []);
  useSignalEffect(() => {
    if (project.value && performance.getEntriesByName("interactive").length === 0) performance.mark("interactive");
  });
  if (needsSignIn.value) return <SignIn />;
  return (
    <div class={`studio ${assistantOpen.value ? "with-assistant" : ""}`}>
      <TransportBar />
      <main>
        <div>
          <OfflineBanner />
          <Refused />
          <BeatForm />
        </div>
        <Arrangement />
        <LowerPanel />
      </main>
      {assistantOpen.value && <AssistantPanel />}
      <ShortcutSheet />
    </div>
  );
};

const OfflineBanner = () =>
  connection.value === "offline" && (
    <p class="banner" role="alert">
      {waiting.value.length === 0
        ? "The server cannot be reached. You can go on; what you change is sent when it is back."
        : `The server cannot be reached. ${waiting.value.length} of your changes wait and are sent when it is back.`}
    </p>
  );

/** The address names a song that this person cannot open. */
const Refused = () =>
  refused.value && (
    <p class="banner row" role="alert">
      {refused.value}
      <button type="button" onClick={() => void openOwnProject()}>
        Open my newest song
      </button>
      <button type="button" onClick={() => void createProject()}>
        New song
      </button>
    </p>
  );

const PANELS: { name: Exclude<Panel, null>; title: string; view: () => preact.JSX.Element }[] = [
  { name: "mixer", title: "Mixer", view: Mixer },
  { name: "devices", title: "Devices", view: DevicesPanel },
  { name: "notes", title: "Notes", view: PianoRoll },
  { name: "lyrics", title: "Lyrics", view: LyricsPanel },
  { name: "ideas", title: "Ideas", view: IdeasPanel },
  { name: "finish", title: "Finish", view: FinishPanel },
  { name: "history", title: "History", view: HistoryPanel },
  { name: "jobs", title: "Jobs", view: JobTray },
];

/** Arrows go from tab to tab, as in any list of tabs; what is shown follows. */
const walkTabs = (event: KeyboardEvent): void => {
  const place = PANELS.findIndex(({ name }) => name === (panel.value ?? "mixer"));
  const next: Record<string, number> = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: -1 };
  const wanted = next[event.key];
  if (wanted === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const at = (wanted + PANELS.length) % PANELS.length;
  panel.value = PANELS[at]?.name ?? null;
  (event.currentTarget as HTMLElement).parentElement?.querySelectorAll<HTMLElement>("[role=tab]")[at]?.focus();
};

const LowerPanel = () => {
  const shown = PANELS.find(({ name }) => name === panel.value);
  return (
    <div class="lower">
      <div role="tablist" aria-label="Panels">
        {PANELS.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={panel.value === name}
            tabIndex={(panel.value ?? "mixer") === name ? 0 : -1}
            onKeyDown={walkTabs}
            onClick={() => {
              panel.value = panel.value === name ? null : name;
            }}
          >
            {title}
          </button>
        ))}
      </div>
      {shown && (
        <div role="tabpanel" aria-label={shown.title}>
          <shown.view />
        </div>
      )}
    </div>
  );
};
