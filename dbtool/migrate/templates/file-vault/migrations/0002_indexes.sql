-- Indexes for the questions that a server asks of every transfer.
-- dbtool:up
CREATE INDEX idx_files_client ON files(ClientID);
CREATE INDEX idx_files_name ON files(FileName);
CREATE INDEX idx_clients_name ON clients(Name);
CREATE INDEX idx_files_verified ON files(Verified);
CREATE INDEX idx_clients_last_seen ON clients(LastSeen);
CREATE INDEX idx_files_size ON files(FileSize);
CREATE INDEX idx_files_client_verified ON files(ClientID, Verified);
CREATE INDEX idx_files_client_name ON files(ClientID, FileName);

-- dbtool:down
DROP INDEX idx_files_client_name;
DROP INDEX idx_files_client_verified;
DROP INDEX idx_files_size;
DROP INDEX idx_clients_last_seen;
DROP INDEX idx_files_verified;
DROP INDEX idx_clients_name;
DROP INDEX idx_files_name;
DROP INDEX idx_files_client;
