import "./projects.css";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answered, api } from "../api/client";
import { openProject } from "../project/connection";
import { createProject, type ListedProject, projects, show } from "../project/open";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { notify } from "../ui/notices";

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The songs of this person: open, name, delete, begin a new one, or take one in from an archive. */
export const ProjectsDialog = ({ close }: { close: () => void }) => {
  const songs = useSignal<readonly ListedProject[] | null>(null);
  const query = useSignal("");

  const attempt = async (work: () => unknown) => {
    try {
      await work();
      songs.value = await projects();
    } catch (error) {
      notify("trouble", (error as Error).message);
    }
  };
  useEffect(() => void attempt(() => {}), []);

  const open = (id: string) => {
    show(id);
    close();
  };
  const takeIn = async (file: File | undefined) => {
    if (!file) return;
    const body = new FormData();
    body.append("file", file);
    const reply = await answered(
      api.POST("/api/projects/import", { body: body as never, bodySerializer: (form) => form as never }),
    );
    open(String(reply.project?.id));
  };
  const found = songs.value?.filter(({ name }) => name.toLowerCase().includes(query.value.toLowerCase()));

  return (
    <Dialog name="Songs" close={close}>
      <div class="row">
        <button
          type="button"
          class="primary"
          onClick={() => {
            void createProject();
            close();
          }}
        >
          New song
        </button>
        <label class="import">
          Import a file
          <input
            type="file"
            accept=".zip,.dawproject,.mid,.midi"
            onChange={({ currentTarget }) => void attempt(() => takeIn(currentTarget.files?.[0]))}
          />
        </label>
        <input
          type="search"
          aria-label="Find a song"
          placeholder="Find"
          value={query}
          onInput={({ currentTarget }) => {
            query.value = currentTarget.value;
          }}
        />
      </div>
      <ul class="songs">
        {found?.map((song) => (
          <Song key={song.id} song={song} open={open} attempt={attempt} />
        ))}
      </ul>
      {found?.length === 0 && <p class="quiet">No song has that name.</p>}
    </Dialog>
  );
};

interface SongProps {
  song: ListedProject;
  open: (id: string) => void;
  attempt: (work: () => unknown) => Promise<void>;
}

const Song = ({ song: { id, name, updatedAt }, open, attempt }: SongProps) => {
  const sure = useSignal(false);
  const params = { path: { project_id: id } };
  const here = id === openProject();
  const rename = (wanted: string) =>
    attempt(() => answered(api.PUT("/api/projects/{project_id}", { params, body: { name: wanted } })));
  return (
    <li>
      <Field aria-label={`Name of ${name}`} value={name} maxLength={120} change={rename} />
      <time class="quiet">{when.format(new Date(updatedAt))}</time>
      {sure.value ? (
        <button
          type="button"
          class="trouble"
          onClick={() => void attempt(() => answered(api.DELETE("/api/projects/{project_id}", { params })))}
        >
          Really delete
        </button>
      ) : (
        <button
          type="button"
          aria-label={`Delete ${name}`}
          disabled={here}
          title={here ? "Open another song first" : ""}
          onClick={() => {
            sure.value = true;
          }}
        >
          Delete
        </button>
      )}
      <button
        type="button"
        aria-label={`${here ? "Open now" : "Open"}: ${name}`}
        disabled={here}
        onClick={() => open(id)}
      >
        {here ? "Open now" : "Open"}
      </button>
    </li>
  );
};
