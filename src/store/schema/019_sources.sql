-- Of several sources of one call the best is heard (transcribed), the others are known: which stretches of a leg were heard, and why.
ALTER TABLE leg ADD COLUMN why TEXT;     -- why the leg is heard, or why not, for people; NULL for legs from before
-- How far the wall clock was stepped while the call ran, milliseconds: a source that comes after a restart still has its place.
ALTER TABLE call ADD COLUMN stepped_ms INTEGER NOT NULL DEFAULT 0;
CREATE TABLE heard (
    leg INTEGER NOT NULL REFERENCES leg (id) ON DELETE CASCADE,
    from_sample INTEGER NOT NULL,        -- on the leg
    to_sample INTEGER,                   -- one past the last; NULL: to the leg's end
    PRIMARY KEY (leg, from_sample)
) WITHOUT ROWID;
-- Until now every leg was heard.
INSERT INTO heard (leg, from_sample) SELECT id, 0 FROM leg;
