-- Jobs, and the audio files that are uploaded or that jobs make.

-- One durable record per job; the queue is only how work finds a worker.
CREATE TABLE generations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id uuid REFERENCES projects ON DELETE SET NULL,
    type text NOT NULL CHECK (type IN ('beat', 'music', 'stems', 'mix', 'master', 'render', 'vocals', 'edit')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'active', 'completed', 'failed', 'cancelled')),
    stage text NOT NULL DEFAULT 'queued' CHECK (stage IN (
        'queued', 'preparing', 'submitting', 'generating', 'downloading',
        'analyzing', 'processing', 'storing', 'finalizing', 'complete')),
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    input jsonb NOT NULL DEFAULT '{}',
    result jsonb,
    error jsonb,
    provider text,
    -- The provider's own id of what it makes for us, saved before the first wait: nothing is bought twice.
    provider_ref text,
    provider_state jsonb,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts integer NOT NULL DEFAULT 3 CHECK (max_attempts >= 1),
    run_after timestamptz NOT NULL DEFAULT now(),
    worker text,
    heartbeat_at timestamptz,
    cancel_requested boolean NOT NULL DEFAULT false,
    cost numeric(14, 6) NOT NULL DEFAULT 0 CHECK (cost >= 0),
    -- The address that the request came to, because links in results are absolute and are made without a request.
    base_url text,
    started_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT generations_result_iff_completed CHECK ((result IS NOT NULL) = (state = 'completed')),
    CONSTRAINT generations_finished_iff_ended
        CHECK ((finished_at IS NOT NULL) = (state IN ('completed', 'failed', 'cancelled'))),
    -- Without a heartbeat a job whose worker died would stay active for ever.
    CONSTRAINT generations_active_has_heartbeat CHECK (state <> 'active' OR heartbeat_at IS NOT NULL)
);

CREATE UNIQUE INDEX generations_provider_ref ON generations (provider, provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX generations_due ON generations (run_after) WHERE state = 'waiting';
CREATE INDEX generations_heartbeat ON generations (heartbeat_at) WHERE state = 'active';
CREATE INDEX generations_owner ON generations (owner_id, created_at DESC);
CREATE INDEX generations_project ON generations (project_id, created_at DESC) WHERE project_id IS NOT NULL;

CREATE TRIGGER generations_touch BEFORE UPDATE ON generations
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE audio_files (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    -- A file outlives its project and its job: it may be used elsewhere, and its bytes are removed on purpose only.
    project_id uuid REFERENCES projects ON DELETE SET NULL,
    generation_id uuid REFERENCES generations ON DELETE SET NULL,
    filename text NOT NULL,
    original_name text,
    mime_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    duration double precision CHECK (duration > 0),
    sample_rate integer CHECK (sample_rate > 0),
    channels integer CHECK (channels > 0),
    bit_depth integer CHECK (bit_depth > 0),
    storage_key text NOT NULL,
    sha256 bytea,
    source text NOT NULL CHECK (source IN (
        'upload', 'generation', 'stem', 'mix', 'master', 'render', 'edit', 'vocals', 'import')),
    lufs double precision,
    true_peak_db double precision,
    waveform jsonb,
    analysis jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audio_files_storage_key UNIQUE (storage_key)
);

CREATE INDEX audio_files_owner ON audio_files (owner_id, created_at DESC);
CREATE INDEX audio_files_project ON audio_files (project_id, created_at DESC) WHERE project_id IS NOT NULL;
CREATE INDEX audio_files_generation ON audio_files (generation_id) WHERE generation_id IS NOT NULL;

CREATE TRIGGER audio_files_touch BEFORE UPDATE ON audio_files
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
