import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answered, api, type Schemas } from "../api/client";
import { openProject, people } from "../project/connection";
import { updateProject } from "../project/edits";
import { project, role } from "../project/store";
import { Dialog } from "../ui/dialog";
import { notify } from "../ui/notices";

type Member = Schemas["Collaborator"];
type Link = Schemas["ShareLink"];

/** Who may open this song, and how others get in. */
export const ShareDialog = ({ close }: { close: () => void }) => {
  const members = useSignal<readonly Member[]>([]);
  const links = useSignal<readonly Link[]>([]);
  const made = useSignal("");
  const params = { path: { project_id: openProject() } };
  const owner = role.value === "owner";

  const load = async () => {
    const { collaborators = [] } = await answered(api.GET("/api/projects/{project_id}/collaborators", { params }));
    members.value = collaborators;
    if (owner) links.value = (await answered(api.GET("/api/projects/{project_id}/links", { params }))).links;
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
    const request = answered(api.POST("/api/projects/{project_id}/collaborators", { params, body }));
    void attempt(request.then(({ invitation }) => (made.value = invitation.url)));
    form.reset();
  };
  const remove = (collaborator_id: string) => {
    const path = { ...params.path, collaborator_id };
    const request = api.DELETE("/api/projects/{project_id}/collaborators/{collaborator_id}", { params: { path } });
    void attempt(answered(request));
  };

  const link = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const body = { role: fields.get("role") as "editor" | "viewer" };
    const request = answered(api.POST("/api/projects/{project_id}/links", { params, body }));
    void attempt(request.then(({ url }) => (made.value = url)));
  };
  const revoke = (link_id: string) => {
    made.value = "";
    const path = { ...params.path, link_id };
    void attempt(answered(api.DELETE("/api/projects/{project_id}/links/{link_id}", { params: { path } })));
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
        {made.value && (
          <div class="row">
            <input
              readOnly
              value={made.value}
              aria-label="The new link"
              onFocus={(event) => event.currentTarget.select()}
            />
            <button type="button" onClick={() => void navigator.clipboard.writeText(made.value)}>
              Copy
            </button>
          </div>
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
        {owner && (
          <>
            <h3>Links</h3>
            <form class="row" onSubmit={link}>
              <select name="role" aria-label="What who has the link may do">
                <option value="editor">Whoever has it may edit</option>
                <option value="viewer">Whoever has it may listen</option>
              </select>
              <button class="primary" type="submit">
                Make a link
              </button>
            </form>
            <ul>
              {links.value.map(({ id, role, uses, expiresAt }) => (
                <li key={id}>
                  <span>{`${role}, used ${uses} times`}</span>
                  <span class="quiet">{`until ${new Date(expiresAt).toLocaleDateString()}`}</span>
                  <button type="button" onClick={() => revoke(id)}>
                    Revoke
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Dialog>
  );
};
