-- What a reading of the dialer's day could not read and left out, with what mends it: one sentence a line.
ALTER TABLE dialed_day ADD COLUMN left_out TEXT NOT NULL DEFAULT '';
