-- Recordings lie on audio tracks, notes on MIDI and instrument tracks, and the MASTER leads nowhere else: what was
-- ignored before is as it was heard.

UPDATE tracks t SET track_type = 'MIDI'
    WHERE track_type = 'AUDIO'
        AND EXISTS (SELECT FROM clips c WHERE c.track_id = t.id AND c.midi IS NOT NULL)
        AND NOT EXISTS (SELECT FROM clips c WHERE c.track_id = t.id AND c.audio_file_id IS NOT NULL);

UPDATE tracks t SET track_type = 'AUDIO'
    WHERE track_type IN ('MIDI', 'INSTRUMENT')
        AND EXISTS (SELECT FROM clips c WHERE c.track_id = t.id AND c.audio_file_id IS NOT NULL)
        AND NOT EXISTS (SELECT FROM clips c WHERE c.track_id = t.id AND c.midi IS NOT NULL);

UPDATE tracks SET output_track_id = NULL WHERE track_type = 'MASTER' AND output_track_id IS NOT NULL;
DELETE FROM sends WHERE track_id IN (SELECT id FROM tracks WHERE track_type = 'MASTER');
