-- How long the newest jobs of a kind took is asked whenever one is accepted.

CREATE INDEX generations_times ON generations (type, provider, finished_at DESC) WHERE state = 'completed';
