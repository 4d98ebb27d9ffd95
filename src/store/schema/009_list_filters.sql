-- Lists that are filtered by sentiment or alerts walk an index alone: a campaign of which no call fits the filter was 15,000 rows read for nothing.
DROP INDEX call_by_start;
DROP INDEX call_by_state;
DROP INDEX call_by_agent;
DROP INDEX call_by_campaign;
CREATE INDEX call_by_start ON call (started_ms DESC, id DESC, sentiment, has_alerts);
CREATE INDEX call_by_state ON call (state, started_ms DESC, id DESC, sentiment, has_alerts);
CREATE INDEX call_by_agent ON call (agent, started_ms DESC, id DESC, sentiment, has_alerts);
CREATE INDEX call_by_campaign ON call (campaign, started_ms DESC, id DESC, sentiment, has_alerts);
