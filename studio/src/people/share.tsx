import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answered, api, type Schemas } from "../api/client";
import { openProject, people } from "../project/connection";
import { updateProject } from "../project/edits";
import { project, role } from "../project/store";
import { Dialog } from "../ui/dialog";
import { notify } from "../ui/notices";

type Member = Schemas["Collaborator"];

/** Who may open this song, and how others get in. */
export const ShareDialog = ({ close }: { close: () => void }) => {
  const members = useSignal<readonly Member[]>([]);
  const params = { path: { project_id: openProject() } };
  const owner = role.value === "owner";

  const load = async () => {
    const { collaborators = [] } = await answered(api.GET("/api/projects/{project_id}/collaborators", { params }));
    members.value = collaborators;
  };
  const attempt = async (request: Promise<unknown>) => {
    try {
      await request;
      await load();
    } catch (error) {
      notify("trouble", (error as Error).message);
    }
  };
  useEffect(() => void attempt(Promise.resolve()), []);

  const invite = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const body = { email: String(fields.get("email")), role: fields.get("role") as "editor" | "viewer" };
    void attempt(answered(api.POST("/api/projects/{project_id}/collaborators", { params, body })));
    form.reset();
  };
  const remove = (collaborator_id: string) => {
    const path = { ...params.path, collaborator_id };
    const request = api.DELETE("/api/projects/{project_id}/collaborators/{collaborator_id}", { params: { path } });
    void attempt(answered(request));
  };

  return (
    <Dialog name="Share this song" close={close}>
      <div class="share">
        <h3>Here now</h3>
        <p>{people.value.map(({ username }) => username).join(", ")}</p>
        <h3>Members</h3>
        <ul>
          {members.value.map(({ id = "", email, userId, role, acceptedAt }) => (
            <li key={id}>
              <span>{email ?? userId}</span>
              <span class="quiet">{acceptedAt ? role : `${role}, invited`}</span>
              {owner && role !== "owner" && (
                <button type="button" onClick={() => remove(id)}>
                  Remove
                </button>
              )}
            </li>
          ))}
        </ul>
        {owner && (
          <form class="row" onSubmit={invite}>
            <input name="email" type="email" required placeholder="E-mail" aria-label="E-mail of whom to invite" />
            <select name="role" aria-label="What they may do">
              <option value="editor">may edit</option>
              <option value="viewer">may listen</option>
            </select>
            <button class="primary" type="submit">
              Invite
            </button>
          </form>
        )}
        {owner && (
          <label class="check">
            <input
              type="checkbox"
              checked={project.value?.isPublic ?? false}
              onChange={({ currentTarget }) => void updateProject({ isPublic: currentTarget.checked })}
            />
            Everybody with the link may listen
          </label>
        )}
        <div class="row">
          <input readOnly value={location.href} aria-label="Link to this song" />
          <button type="button" onClick={() => void navigator.clipboard.writeText(location.href)}>
            Copy
          </button>
        </div>
      </div>
    </Dialog>
  );
};
