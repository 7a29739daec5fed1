-- Who handed a message over that was written before this account came into its group: nothing but their word says that its author
-- wrote it. NULL for what came from its author.
ALTER TABLE timeline ADD COLUMN handed_over_by BLOB;
