-- Clients and the files that they store.
-- dbtool:ignore missing-strict VARCHAR(255) and BLOB(16) are types that STRICT does not take
-- dbtool:ignore fk-without-index the index on files(ClientID) comes in 0002
-- dbtool:up
CREATE TABLE clients (
    ID BLOB(16) PRIMARY KEY,
    Name VARCHAR(255) UNIQUE NOT NULL,
    PublicKey BLOB(160),
    LastSeen TEXT NOT NULL,
    AESKey BLOB(32)
);

CREATE TABLE files (
    ID BLOB(16) PRIMARY KEY,
    FileName VARCHAR(255) NOT NULL,
    PathName VARCHAR(255) NOT NULL,
    Verified BOOLEAN DEFAULT 0,
    FileSize INTEGER,
    ModificationDate TEXT,
    CRC INTEGER,
    ClientID BLOB(16) NOT NULL REFERENCES clients(ID) ON DELETE CASCADE
);

-- dbtool:down
DROP TABLE files;
DROP TABLE clients;
