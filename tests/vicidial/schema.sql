-- The tables of ViciDial's database that lineside reads, with the columns, types and indexes of its schema 1728 as far as they are read.
CREATE TABLE recording_log (
    recording_id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, channel VARCHAR(100), server_ip VARCHAR(15), extension VARCHAR(100),
    start_time DATETIME, start_epoch INT(10) UNSIGNED, end_time DATETIME, end_epoch INT(10) UNSIGNED, length_in_sec MEDIUMINT(8) UNSIGNED,
    length_in_min DOUBLE(8,2), filename VARCHAR(100), location VARCHAR(255), lead_id INT(9) UNSIGNED, user VARCHAR(20), vicidial_id VARCHAR(20),
    INDEX filename (filename), INDEX lead_id (lead_id), INDEX user (user), INDEX vicidial_id (vicidial_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_log (
    uniqueid VARCHAR(20) NOT NULL PRIMARY KEY, lead_id INT(9) UNSIGNED NOT NULL, list_id BIGINT(14) UNSIGNED, campaign_id VARCHAR(8),
    call_date DATETIME, start_epoch INT(10) UNSIGNED, end_epoch INT(10) UNSIGNED, length_in_sec INT(10), status VARCHAR(6),
    phone_code VARCHAR(10), phone_number VARCHAR(18), user VARCHAR(20), comments VARCHAR(255), processed ENUM('Y','N'), user_group VARCHAR(20),
    term_reason ENUM('CALLER','AGENT','QUEUETIMEOUT','ABANDON','AFTERHOURS','NONE','SYSTEM') DEFAULT 'NONE', alt_dial VARCHAR(6) DEFAULT 'NONE',
    called_count SMALLINT(5) UNSIGNED DEFAULT 0,
    INDEX lead_id (lead_id), INDEX call_date (call_date)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_closer_log (
    closecallid INT(9) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, lead_id INT(9) UNSIGNED NOT NULL, list_id BIGINT(14) UNSIGNED,
    campaign_id VARCHAR(20), call_date DATETIME, start_epoch INT(10) UNSIGNED, end_epoch INT(10) UNSIGNED, length_in_sec INT(10),
    status VARCHAR(6), phone_code VARCHAR(10), phone_number VARCHAR(18), user VARCHAR(20), comments VARCHAR(255), processed ENUM('Y','N'),
    queue_seconds DECIMAL(7,2) DEFAULT 0.00, user_group VARCHAR(20), xfercallid INT(9) UNSIGNED,
    term_reason ENUM('CALLER','AGENT','QUEUETIMEOUT','ABANDON','AFTERHOURS','HOLDRECALLXFER','HOLDTIME','NOAGENT','NONE','MAXCALLS','ACFILTER','CLOSETIME') DEFAULT 'NONE',
    uniqueid VARCHAR(20) NOT NULL DEFAULT '', agent_only VARCHAR(20) DEFAULT '', queue_position SMALLINT(4) UNSIGNED DEFAULT 1,
    called_count SMALLINT(5) UNSIGNED DEFAULT 0,
    INDEX lead_id (lead_id), INDEX call_date (call_date), INDEX campaign_id (campaign_id), INDEX uniqueid (uniqueid)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_live_agents (
    live_agent_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user VARCHAR(20), server_ip VARCHAR(15) NOT NULL, conf_exten VARCHAR(20),
    extension VARCHAR(100), status ENUM('READY','QUEUE','INCALL','PAUSED','CLOSER','MQUEUE') DEFAULT 'PAUSED', lead_id INT(9) UNSIGNED NOT NULL,
    campaign_id VARCHAR(8), uniqueid VARCHAR(20), callerid VARCHAR(20), channel VARCHAR(100), random_id INT(8) UNSIGNED, last_call_time DATETIME,
    last_update_time TIMESTAMP, last_call_finish DATETIME, closer_campaigns TEXT, call_server_ip VARCHAR(15), comments VARCHAR(20),
    calls_today SMALLINT(5) UNSIGNED DEFAULT 0, agent_log_id INT(9) UNSIGNED DEFAULT 0, last_state_change DATETIME,
    external_recording VARCHAR(20) DEFAULT '', pause_code VARCHAR(6) DEFAULT '', dial_campaign_id VARCHAR(8) DEFAULT '',
    INDEX user (user), INDEX lead_id (lead_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_users (
    user_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user VARCHAR(20) NOT NULL, pass VARCHAR(100) NOT NULL, full_name VARCHAR(50),
    user_level TINYINT(3) UNSIGNED DEFAULT 1, user_group VARCHAR(20), phone_login VARCHAR(20), UNIQUE INDEX user (user)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_agent_log (
    agent_log_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user VARCHAR(20), server_ip VARCHAR(15) NOT NULL, event_time DATETIME,
    lead_id INT(9) UNSIGNED, campaign_id VARCHAR(8), pause_epoch INT(10) UNSIGNED, pause_sec SMALLINT(5) UNSIGNED DEFAULT 0,
    wait_epoch INT(10) UNSIGNED, wait_sec SMALLINT(5) UNSIGNED DEFAULT 0, talk_epoch INT(10) UNSIGNED, talk_sec SMALLINT(5) UNSIGNED DEFAULT 0,
    dispo_epoch INT(10) UNSIGNED, dispo_sec SMALLINT(5) UNSIGNED DEFAULT 0, status VARCHAR(6), user_group VARCHAR(20), comments VARCHAR(20),
    sub_status VARCHAR(6), dead_epoch INT(10) UNSIGNED, dead_sec SMALLINT(5) UNSIGNED DEFAULT 0, processed ENUM('Y','N') DEFAULT 'N',
    uniqueid VARCHAR(20) DEFAULT '', pause_type ENUM('UNDEFINED','SYSTEM','AGENT','API','ADMIN') DEFAULT 'UNDEFINED',
    INDEX lead_id (lead_id), INDEX user (user), INDEX event_time (event_time), INDEX time_user (event_time, user)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_list (
    lead_id INT(9) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, entry_date DATETIME, modify_date TIMESTAMP, status VARCHAR(6), user VARCHAR(20),
    vendor_lead_code VARCHAR(20), source_id VARCHAR(50), list_id BIGINT(14) UNSIGNED NOT NULL DEFAULT 0, gmt_offset_now DECIMAL(4,2) DEFAULT 0.00,
    phone_code VARCHAR(10), phone_number VARCHAR(18) NOT NULL, first_name VARCHAR(30), last_name VARCHAR(30), comments VARCHAR(255),
    INDEX phone_number (phone_number), INDEX list_id (list_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_campaigns (
    campaign_id VARCHAR(8) NOT NULL PRIMARY KEY, campaign_name VARCHAR(40), active ENUM('Y','N')
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_inbound_groups (
    group_id VARCHAR(20) NOT NULL PRIMARY KEY, group_name VARCHAR(30), active ENUM('Y','N')
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE vicidial_lists (
    list_id BIGINT(14) UNSIGNED NOT NULL PRIMARY KEY, list_name VARCHAR(30), campaign_id VARCHAR(8), active ENUM('Y','N')
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE call_log (
    uniqueid VARCHAR(20) NOT NULL PRIMARY KEY, channel VARCHAR(100), channel_group VARCHAR(30), type VARCHAR(10), server_ip VARCHAR(15),
    extension VARCHAR(100), number_dialed VARCHAR(15), caller_code VARCHAR(20), start_time DATETIME, start_epoch INT(10), end_time DATETIME,
    end_epoch INT(10), length_in_sec INT(10), length_in_min DOUBLE(8,2),
    INDEX caller_code (caller_code), INDEX server_ip (server_ip), INDEX channel (channel)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE gateway_recording_log (
    gateway_recording_id INT(10) UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, recording_log_id INT(10) UNSIGNED DEFAULT 0,
    call_direction ENUM('INBOUND','OUTBOUND','NA') DEFAULT 'NA', call_id VARCHAR(40) DEFAULT '', lead_id INT(9) UNSIGNED, uniqueid VARCHAR(20) NOT NULL,
    server_ip VARCHAR(15), caller_id_number VARCHAR(18), caller_id_name VARCHAR(20), extension VARCHAR(100), start_time DATETIME, end_time DATETIME,
    length_in_sec MEDIUMINT(8) UNSIGNED DEFAULT 0, filename VARCHAR(100), location VARCHAR(255),
    INDEX start_time (start_time), INDEX call_id (call_id), INDEX lead_id (lead_id)
) ENGINE=MyISAM DEFAULT CHARSET=latin1;

-- é and ú as latin1, and as UTF-8 that a page has written into a latin1 column.
INSERT INTO vicidial_users (user, pass, full_name, user_level, user_group) VALUES
    ('1001', 'x', CONVERT(0x4a6f73e9204efaf1657a USING latin1), 1, 'SALES'),
    ('1002', 'x', CONVERT(0x4a6f73c3a9204ec3bac3b1657a USING latin1), 1, 'SALES'),
    ('1003', 'x', 'Mary Smith', 1, 'SUPPORT'),
    ('1004', 'x', NULL, 1, NULL);
INSERT INTO vicidial_list (lead_id, list_id, phone_number) VALUES
    (501, 9001, '5551230001'), (502, 9001, '5551230002'), (503, 9002, '5551230003'), (504, 9002, '5551230004'), (505, 9002, '5551230005'),
    (506, 9002, '5551230006'), (507, 9002, '5551230007'), (508, 9002, '5551230008'), (509, 9002, '5551230009');
