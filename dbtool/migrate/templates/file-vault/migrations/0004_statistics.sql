-- Transfers by day, what clients did, the categories that files are sorted into.
-- dbtool:ignore missing-strict VARCHAR and BLOB(16) are types that STRICT does not take
-- dbtool:up
CREATE TABLE transfer_stats (
    Date TEXT PRIMARY KEY,
    TotalFiles INTEGER DEFAULT 0,
    TotalBytes INTEGER DEFAULT 0,
    SuccessfulTransfers INTEGER DEFAULT 0,
    FailedTransfers INTEGER DEFAULT 0,
    AverageFileSize INTEGER DEFAULT 0,
    PeakTransferSpeed INTEGER DEFAULT 0
);

CREATE TABLE client_activity (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    ClientID BLOB(16) REFERENCES clients(ID) ON DELETE CASCADE,
    ActivityType VARCHAR(50) NOT NULL,
    Timestamp TEXT NOT NULL,
    FileCount INTEGER DEFAULT 0,
    BytesTransferred INTEGER DEFAULT 0
);
CREATE INDEX idx_client_activity_client ON client_activity(ClientID);
CREATE INDEX idx_client_activity_time ON client_activity(Timestamp);

CREATE TABLE file_categories (
    ID INTEGER PRIMARY KEY,
    Name VARCHAR(50) UNIQUE NOT NULL,
    Description TEXT,
    DefaultPath VARCHAR(255),
    Color VARCHAR(7) DEFAULT '#007acc'
);

-- dbtool:down
DROP TABLE file_categories;
DROP TABLE client_activity;
DROP TABLE transfer_stats;
