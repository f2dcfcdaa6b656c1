-- Older versions of files.
-- dbtool:ignore missing-strict VARCHAR and BLOB(16) are types that STRICT does not take
-- dbtool:up
CREATE TABLE file_versions (
    ID INTEGER PRIMARY KEY,
    FileID BLOB(16) NOT NULL REFERENCES files(ID) ON DELETE CASCADE,
    VersionNumber INTEGER NOT NULL,
    PathName VARCHAR(255) NOT NULL,
    FileSize INTEGER,
    CreatedDate TEXT,
    IsActive BOOLEAN DEFAULT 1,
    VersionHash VARCHAR(64),
    ParentVersionID INTEGER REFERENCES file_versions(ID) ON DELETE SET NULL
);
CREATE INDEX idx_file_versions_file ON file_versions(FileID, VersionNumber);
CREATE INDEX idx_file_versions_parent ON file_versions(ParentVersionID);

-- dbtool:down
DROP TABLE file_versions;
