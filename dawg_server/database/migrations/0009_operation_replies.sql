-- What the first use of a client_operation_id was answered, so that a repeated one gets the very same answer.

ALTER TABLE operations ADD COLUMN reply jsonb;
