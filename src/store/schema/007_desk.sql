-- Words that people put on calls.
CREATE TABLE call_tag (
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,                   -- 1 to 40 characters
    PRIMARY KEY (call, tag)
) WITHOUT ROWID;
CREATE INDEX call_tag_by_tag ON call_tag (tag);
