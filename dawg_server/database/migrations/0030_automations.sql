-- Envelopes of faders, sends and parameters of devices.

CREATE TABLE automations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    track_id uuid NOT NULL REFERENCES tracks ON DELETE CASCADE,
    target text NOT NULL CHECK (target IN ('volume', 'pan', 'mute', 'send', 'device')),
    send_id uuid REFERENCES sends ON DELETE CASCADE,
    device_id uuid REFERENCES devices ON DELETE CASCADE,
    parameter text,
    points jsonb NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT automations_send CHECK ((send_id IS NOT NULL) = (target = 'send')),
    CONSTRAINT automations_device CHECK (
        (device_id IS NOT NULL) = (target = 'device') AND (parameter IS NOT NULL) = (target = 'device'))
);

-- Two envelopes never move the same thing; of what an envelope does not name, the id of the track stands.
CREATE UNIQUE INDEX automations_target
    ON automations (track_id, target, coalesce(send_id, device_id, track_id), coalesce(parameter, ''));
CREATE INDEX automations_send_id ON automations (send_id) WHERE send_id IS NOT NULL;
CREATE INDEX automations_device_id ON automations (device_id) WHERE device_id IS NOT NULL;

CREATE TRIGGER automations_touch BEFORE UPDATE ON automations
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
