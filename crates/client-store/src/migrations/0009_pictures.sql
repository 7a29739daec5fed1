-- Small pictures of people and groups, by their SHA-256. What names none any more is erased with its picture.
CREATE TABLE picture (
    hash BLOB PRIMARY KEY,
    jpeg BLOB NOT NULL
) STRICT;
ALTER TABLE account ADD COLUMN picture BLOB;
ALTER TABLE group_facts ADD COLUMN picture BLOB;
