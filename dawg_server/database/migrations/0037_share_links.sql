-- Links that make whoever has one a member of a project. The secret itself is only in the link.

CREATE TABLE share_links (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('editor', 'viewer')),
    token_hash bytea NOT NULL,
    created_by text NOT NULL REFERENCES users ON DELETE CASCADE,
    uses integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT share_links_token_hash UNIQUE (token_hash)
);

CREATE INDEX share_links_project ON share_links (project_id);
CREATE INDEX share_links_creator ON share_links (created_by);
