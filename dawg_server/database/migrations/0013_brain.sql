-- Turns of the text assistant: who is at it, and how far a conversation is summarised.

-- Messages up to this one are told to the model by `summary` alone; -1: none are.
ALTER TABLE conversations ADD COLUMN summarized_seq integer NOT NULL DEFAULT -1;

-- A turn holds its place as long as its replica says that it lives; what a crash leaves behind expires by itself.
CREATE TABLE brain_turns (
    id uuid PRIMARY KEY,
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    conversation_id uuid NOT NULL,
    request_id text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX brain_turns_user ON brain_turns (user_id);
CREATE INDEX brain_turns_expires ON brain_turns (expires_at);
