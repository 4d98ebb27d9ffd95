-- A leg that is deleted asks who refers to it: without this index for each the whole text of all calls was read, and the writer stood still.
CREATE INDEX segment_by_leg ON segment (leg);
