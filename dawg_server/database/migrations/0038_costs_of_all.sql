-- What all users have spent since a time, for who runs the server.

CREATE INDEX usage_records_time ON usage_records (created_at) INCLUDE (owner_id, total_cost);
