-- Where the other replicas reach this one; null when it is the only one.
ALTER TABLE replicas ADD COLUMN address text;
