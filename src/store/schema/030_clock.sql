-- The wall clock beside the clock that counts from the boot, as the daemon last saw them: so it finds at its start that somebody set the clock meanwhile.
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    boot TEXT NOT NULL,                  -- /proc/sys/kernel/random/boot_id
    ahead_ms INTEGER NOT NULL            -- wall clock less the time since the boot
);
