-- An invitation is a secret link of its own: who has it takes the place in the project, once. An address proves nothing,
-- as anybody can sign up with any. Invitations from before have no link; owners remove them and invite again.

ALTER TABLE share_links ADD COLUMN collaborator_id uuid REFERENCES collaborators ON DELETE CASCADE;

CREATE UNIQUE INDEX share_links_collaborator ON share_links (collaborator_id) WHERE collaborator_id IS NOT NULL;
