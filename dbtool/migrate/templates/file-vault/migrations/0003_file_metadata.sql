-- What a file is, where it came from, how it was transferred.
-- dbtool:up
ALTER TABLE files ADD COLUMN FileCategory VARCHAR(50) DEFAULT 'document';
ALTER TABLE files ADD COLUMN MimeType VARCHAR(100);
ALTER TABLE files ADD COLUMN FileExtension VARCHAR(10);
ALTER TABLE files ADD COLUMN OriginalPath VARCHAR(255);
ALTER TABLE files ADD COLUMN FileHash VARCHAR(64);
ALTER TABLE files ADD COLUMN TransferDuration INTEGER;
ALTER TABLE files ADD COLUMN TransferSpeed INTEGER;
ALTER TABLE files ADD COLUMN CompressionRatio REAL;

-- dbtool:down
ALTER TABLE files DROP COLUMN CompressionRatio;
ALTER TABLE files DROP COLUMN TransferSpeed;
ALTER TABLE files DROP COLUMN TransferDuration;
ALTER TABLE files DROP COLUMN FileHash;
ALTER TABLE files DROP COLUMN OriginalPath;
ALTER TABLE files DROP COLUMN FileExtension;
ALTER TABLE files DROP COLUMN MimeType;
ALTER TABLE files DROP COLUMN FileCategory;
