-- What the PBX told of calls (Asterisk's manager interface), whether lineside has heard them or not: a recording may come after its call.
CREATE TABLE call_event (
    id INTEGER PRIMARY KEY,
    pbx_call TEXT NOT NULL,              -- uniqueid of the channel that began the call: its call_id, its uniqueid or one of its aliases
    at_ms INTEGER NOT NULL,              -- wall clock
    kind TEXT NOT NULL,                  -- queue_joined, bridged, held, …: PbxEventKind
    leg TEXT,                            -- agent, caller, mixed; NULL where it is not known
    channel TEXT NOT NULL,               -- name of the channel
    detail TEXT                          -- queue, agent, extension, direction, cause or reason
);
CREATE INDEX call_event_by_call ON call_event (pbx_call, at_ms, id);
CREATE INDEX call_event_by_time ON call_event (at_ms);
