-- Tags that packs put on calls stand beside those of people, with the lines that they are there for.
ALTER TABLE call_tag ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0; -- 1: by a pack, and goes when no pack gives it any more; 0: by a person

CREATE TABLE tag_reason (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    pack TEXT NOT NULL,
    rule TEXT NOT NULL,                  -- the pack and the line of its entry there
    reason TEXT NOT NULL,                -- what decided, in words of the pack: 'intent refund'; none of the call
    segment INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    UNIQUE (call, tag, rule, segment)
);
CREATE INDEX tag_reason_by_segment ON tag_reason (segment);

-- Tags that people took off: no pack puts them on again.
CREATE TABLE tag_refused (
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (call, tag)
) WITHOUT ROWID;

-- The limits of [sla], written at each start: lists, filters and files judge calls by this one row. NULL: no limit.
CREATE TABLE sla (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    call_ms INTEGER,
    answer_ms INTEGER,
    hold_ms INTEGER,
    silence_ms INTEGER
);
ALTER TABLE review ADD COLUMN longest_silence_ms INTEGER; -- NULL where it is not known, and of calls from before
