-- Jobs that have bought something are looked for by their end, until the purchase is in the ledger.

CREATE INDEX generations_purchases ON generations (finished_at) WHERE provider_ref IS NOT NULL;
