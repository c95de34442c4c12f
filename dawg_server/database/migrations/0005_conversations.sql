-- Talk with the assistants, and what they remember about a user.

CREATE TABLE conversations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id uuid REFERENCES projects ON DELETE SET NULL,
    title text,
    summary text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX conversations_owner ON conversations (owner_id, updated_at DESC);
CREATE INDEX conversations_project ON conversations (project_id) WHERE project_id IS NOT NULL;

CREATE TRIGGER conversations_touch BEFORE UPDATE ON conversations
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq integer NOT NULL CHECK (seq >= 0),
    role text NOT NULL CHECK (role IN ('user', 'assistant', 'tool')),
    content jsonb NOT NULL,
    request_id text,
    stop_reason text,
    model text,
    usage jsonb,
    -- The step in the project's history that this turn made.
    group_id uuid,
    origin text NOT NULL DEFAULT 'text' CHECK (origin IN ('text', 'voice')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messages_conversation_seq UNIQUE (conversation_id, seq)
);

-- The same request asked again is one question.
CREATE UNIQUE INDEX messages_request ON messages (conversation_id, request_id) WHERE role = 'user';

CREATE TRIGGER messages_touch BEFORE UPDATE ON messages
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE memories (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('preference', 'fact', 'context', 'interaction')),
    category text,
    content text NOT NULL,
    metadata jsonb,
    importance integer NOT NULL DEFAULT 5 CHECK (importance BETWEEN 1 AND 10),
    access_count integer NOT NULL DEFAULT 0 CHECK (access_count >= 0),
    last_accessed timestamptz,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX memories_user ON memories (user_id, importance DESC, last_accessed DESC NULLS LAST);
-- Used by conditions written exactly so: to_tsvector('simple', content) @@ … . No stemming, for the language is unknown.
CREATE INDEX memories_words ON memories USING gin (to_tsvector('simple', content));

-- Reading counts as access, not as change.
CREATE TRIGGER memories_touch BEFORE UPDATE OF type, category, content, metadata, importance, expires_at ON memories
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
