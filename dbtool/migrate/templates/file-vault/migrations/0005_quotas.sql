-- How much a client may store: 1 GiB, with a warning from 80 % on.
-- dbtool:ignore missing-strict BLOB(16) is a type that STRICT does not take
-- dbtool:up
CREATE TABLE client_quotas (
    ClientID BLOB(16) PRIMARY KEY REFERENCES clients(ID) ON DELETE CASCADE,
    QuotaBytes INTEGER DEFAULT 1073741824,
    UsedBytes INTEGER DEFAULT 0,
    LastUpdated TEXT,
    WarningThreshold REAL DEFAULT 0.8
);

-- dbtool:down
DROP TABLE client_quotas;
