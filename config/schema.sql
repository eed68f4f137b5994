-- The whole schema, as PostgreSQL DDL, to read; the program makes its tables by itself.
-- Written by `python manage.py generate`.

CREATE TABLE account_usage (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	platform VARCHAR(32) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	day DATE NOT NULL,
	agent VARCHAR(64) NOT NULL,
	requests INTEGER DEFAULT '0' NOT NULL,
	prompt_tokens BIGINT DEFAULT '0' NOT NULL,
	completion_tokens BIGINT DEFAULT '0' NOT NULL,
	cost DOUBLE PRECISION DEFAULT '0' NOT NULL,
	CONSTRAINT pk_account_usage PRIMARY KEY (id),
	CONSTRAINT uq_account_usage_account_id_platform_day_agent UNIQUE (account_id, platform, day, agent)
);

CREATE INDEX ix_account_usage_day_agent ON account_usage (day, agent);

CREATE TABLE agent_forgets (
	agent VARCHAR(64) NOT NULL,
	platform VARCHAR(32) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	times INTEGER NOT NULL,
	at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_agent_forgets PRIMARY KEY (account_id, agent, platform)
);

CREATE TABLE agent_log (
	id BIGSERIAL NOT NULL,
	agent VARCHAR(64) NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	level VARCHAR(16) NOT NULL,
	message VARCHAR(300) NOT NULL,
	CONSTRAINT pk_agent_log PRIMARY KEY (id)
);

CREATE INDEX ix_agent_log_agent_id ON agent_log (agent, id);

CREATE TABLE agents (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	name VARCHAR(64) NOT NULL,
	type VARCHAR(64) NOT NULL,
	enabled BOOLEAN DEFAULT true NOT NULL,
	token TEXT,
	token_ref VARCHAR(255),
	token_fingerprint VARCHAR(64),
	answers JSON NOT NULL,
	settings JSON NOT NULL,
	memory_days INTEGER,
	revision INTEGER DEFAULT '1' NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_agents PRIMARY KEY (id),
	CONSTRAINT uq_agents_name UNIQUE (name),
	CONSTRAINT uq_agents_token_ref UNIQUE (token_ref),
	CONSTRAINT uq_agents_token_fingerprint UNIQUE (token_fingerprint)
);

CREATE TABLE bot_processes (
	process VARCHAR(128) NOT NULL,
	beat UUID NOT NULL,
	capacity INTEGER NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_bot_processes PRIMARY KEY (process)
);

CREATE TABLE model_costs (
	day DATE NOT NULL,
	model VARCHAR(200) NOT NULL,
	requests INTEGER DEFAULT '0' NOT NULL,
	prompt_tokens BIGINT DEFAULT '0' NOT NULL,
	completion_tokens BIGINT DEFAULT '0' NOT NULL,
	cost DOUBLE PRECISION DEFAULT '0' NOT NULL,
	CONSTRAINT pk_model_costs PRIMARY KEY (day, model)
);

CREATE TABLE open_secrets (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	platform VARCHAR(32) NOT NULL,
	agent VARCHAR(64) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	channel_id VARCHAR(64) NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_open_secrets PRIMARY KEY (id),
	CONSTRAINT uq_open_secrets_account_id_channel_id_platform_agent UNIQUE (account_id, channel_id, platform, agent)
);

CREATE INDEX ix_open_secrets_expires_at ON open_secrets (expires_at);

CREATE TABLE scheduler_jobs (
	name VARCHAR(128) NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	running_until TIMESTAMP WITH TIME ZONE,
	next_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_scheduler_jobs PRIMARY KEY (name)
);

CREATE TABLE usage_reservations (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	person VARCHAR(128) NOT NULL,
	agent VARCHAR(64) NOT NULL,
	tokens BIGINT NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_usage_reservations PRIMARY KEY (id)
);

CREATE INDEX ix_usage_reservations_agent ON usage_reservations (agent);

CREATE INDEX ix_usage_reservations_expires_at ON usage_reservations (expires_at);

CREATE INDEX ix_usage_reservations_person ON usage_reservations (person);

CREATE TABLE users (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	username VARCHAR(255) NOT NULL,
	name_key VARCHAR(255),
	password_hashed BYTEA NOT NULL,
	display_name VARCHAR(255),
	time_zone VARCHAR(64),
	token_version INTEGER DEFAULT '0' NOT NULL,
	role VARCHAR(16) DEFAULT 'user' NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_users PRIMARY KEY (id),
	CONSTRAINT uq_users_username UNIQUE (username)
);

CREATE UNIQUE INDEX ix_users_name_key ON users (name_key);

CREATE TABLE web_chat_processes (
	process VARCHAR(128) NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_web_chat_processes PRIMARY KEY (process)
);

CREATE TABLE agent_documents (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	agent_id UUID NOT NULL,
	name VARCHAR(200) NOT NULL,
	characters INTEGER NOT NULL,
	added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_agent_documents PRIMARY KEY (id),
	CONSTRAINT uq_agent_documents_agent_id_name UNIQUE (agent_id, name),
	CONSTRAINT fk_agent_documents_agent_id FOREIGN KEY(agent_id) REFERENCES agents (id) ON DELETE CASCADE
);

CREATE TABLE agent_leases (
	agent VARCHAR(64) NOT NULL,
	holder VARCHAR(128),
	state VARCHAR(32),
	since TIMESTAMP WITH TIME ZONE,
	guilds INTEGER,
	latency_ms DOUBLE PRECISION,
	error VARCHAR(500),
	revision INTEGER,
	messages_per_minute INTEGER,
	CONSTRAINT pk_agent_leases PRIMARY KEY (agent),
	CONSTRAINT fk_agent_leases_holder FOREIGN KEY(holder) REFERENCES bot_processes (process) ON DELETE SET NULL
);

CREATE INDEX ix_agent_leases_holder ON agent_leases (holder);

CREATE TABLE agent_models (
	agent VARCHAR(64) NOT NULL,
	platform VARCHAR(32) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	user_uuid UUID,
	model VARCHAR(100) NOT NULL,
	CONSTRAINT pk_agent_models PRIMARY KEY (account_id, agent, platform),
	CONSTRAINT fk_agent_models_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_agent_models_user_uuid ON agent_models (user_uuid);

CREATE TABLE agent_summaries (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	agent VARCHAR(64) NOT NULL,
	platform VARCHAR(32) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	user_uuid UUID,
	direct BOOLEAN DEFAULT true NOT NULL,
	content TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_agent_summaries PRIMARY KEY (id),
	CONSTRAINT fk_agent_summaries_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_agent_summaries_account_id_agent_platform ON agent_summaries (account_id, agent, platform);

CREATE INDEX ix_agent_summaries_user_uuid ON agent_summaries (user_uuid);

CREATE TABLE agent_trials (
	user_uuid UUID NOT NULL,
	type VARCHAR(64) NOT NULL,
	answers JSON NOT NULL,
	settings JSON NOT NULL,
	begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_agent_trials PRIMARY KEY (user_uuid),
	CONSTRAINT fk_agent_trials_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE agent_turns (
	id BIGSERIAL NOT NULL,
	agent VARCHAR(64) NOT NULL,
	platform VARCHAR(32) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	user_uuid UUID,
	direct BOOLEAN DEFAULT true NOT NULL,
	role VARCHAR(16) NOT NULL,
	content TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_agent_turns PRIMARY KEY (id),
	CONSTRAINT fk_agent_turns_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_agent_turns_account_id_agent_platform_id ON agent_turns (account_id, agent, platform, id);

CREATE INDEX ix_agent_turns_agent_at ON agent_turns (agent, at);

CREATE INDEX ix_agent_turns_user_uuid ON agent_turns (user_uuid);

CREATE TABLE chat_accounts (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	platform VARCHAR(32) NOT NULL,
	agent VARCHAR(64) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	logged_in BOOLEAN DEFAULT true NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	last_used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	blocked_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_chat_accounts PRIMARY KEY (id),
	CONSTRAINT uq_chat_accounts_platform_agent_account_id_user_uuid UNIQUE (platform, agent, account_id, user_uuid),
	CONSTRAINT fk_chat_accounts_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_chat_accounts_user_uuid ON chat_accounts (user_uuid);

CREATE TABLE examples (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	name VARCHAR(255) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_examples PRIMARY KEY (id),
	CONSTRAINT fk_examples_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_examples_user_uuid ON examples (user_uuid);

CREATE INDEX ix_examples_user_uuid_created_at_id ON examples (user_uuid, created_at, id);

CREATE TABLE idempotency_keys (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	idempotency_key VARCHAR(255) NOT NULL,
	request_hash VARCHAR(64) NOT NULL,
	status INTEGER,
	answer TEXT,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_idempotency_keys PRIMARY KEY (id),
	CONSTRAINT uq_idempotency_keys_user_uuid_idempotency_key UNIQUE (user_uuid, idempotency_key),
	CONSTRAINT fk_idempotency_keys_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE INDEX ix_idempotency_keys_user_uuid ON idempotency_keys (user_uuid);

CREATE TABLE identities (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	platform VARCHAR(32) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	home_uuid UUID,
	linked_uuid UUID,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_identities PRIMARY KEY (id),
	CONSTRAINT uq_identities_platform_account_id UNIQUE (platform, account_id),
	CONSTRAINT fk_identities_home_uuid FOREIGN KEY(home_uuid) REFERENCES users (id) ON DELETE SET NULL,
	CONSTRAINT fk_identities_linked_uuid FOREIGN KEY(linked_uuid) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX ix_identities_home_uuid ON identities (home_uuid);

CREATE INDEX ix_identities_linked_uuid ON identities (linked_uuid);

CREATE TABLE login_codes (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	code_hash VARCHAR(64) NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_login_codes PRIMARY KEY (id),
	CONSTRAINT uq_login_codes_user_uuid UNIQUE (user_uuid),
	CONSTRAINT uq_login_codes_code_hash UNIQUE (code_hash),
	CONSTRAINT fk_login_codes_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_login_codes_user_uuid ON login_codes (user_uuid);

CREATE TABLE model_usage (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	day DATE NOT NULL,
	agent VARCHAR(64) NOT NULL,
	requests INTEGER DEFAULT '0' NOT NULL,
	prompt_tokens BIGINT DEFAULT '0' NOT NULL,
	completion_tokens BIGINT DEFAULT '0' NOT NULL,
	cost DOUBLE PRECISION DEFAULT '0' NOT NULL,
	CONSTRAINT pk_model_usage PRIMARY KEY (id),
	CONSTRAINT uq_model_usage_user_uuid_day_agent UNIQUE (user_uuid, day, agent),
	CONSTRAINT fk_model_usage_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_model_usage_day_agent ON model_usage (day, agent);

CREATE INDEX ix_model_usage_user_uuid ON model_usage (user_uuid);

CREATE TABLE notifications (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	discord_webhook VARCHAR(500),
	discord_enabled BOOLEAN DEFAULT false NOT NULL,
	ntfy_topic VARCHAR(255),
	ntfy_enabled BOOLEAN DEFAULT false NOT NULL,
	quiet_from VARCHAR(5),
	quiet_to VARCHAR(5),
	last_message_sent TIMESTAMP WITH TIME ZONE,
	current_notification_status VARCHAR(50) DEFAULT 'inactive' NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_notifications PRIMARY KEY (id),
	CONSTRAINT uq_notifications_user_uuid UNIQUE (user_uuid),
	CONSTRAINT fk_notifications_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE phrases (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	phrase VARCHAR(255) NOT NULL,
	orders TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_phrases PRIMARY KEY (id),
	CONSTRAINT uq_phrases_user_uuid_phrase UNIQUE (user_uuid, phrase),
	CONSTRAINT fk_phrases_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_phrases_user_uuid ON phrases (user_uuid);

CREATE INDEX ix_phrases_user_uuid_created_at_id ON phrases (user_uuid, created_at, id);

CREATE TABLE push_addresses (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	scheme VARCHAR(32) NOT NULL,
	url TEXT NOT NULL,
	enabled BOOLEAN DEFAULT true NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_push_addresses PRIMARY KEY (id),
	CONSTRAINT uq_push_addresses_user_uuid_scheme UNIQUE (user_uuid, scheme),
	CONSTRAINT fk_push_addresses_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_push_addresses_user_uuid ON push_addresses (user_uuid);

CREATE TABLE task_lists (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	name VARCHAR(255) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_task_lists PRIMARY KEY (id),
	CONSTRAINT uq_task_lists_user_uuid_name UNIQUE (user_uuid, name),
	CONSTRAINT fk_task_lists_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_task_lists_user_uuid ON task_lists (user_uuid);

CREATE INDEX ix_task_lists_user_uuid_created_at_id ON task_lists (user_uuid, created_at, id);

CREATE TABLE web_chats (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	agent VARCHAR(64) NOT NULL,
	last_number BIGINT DEFAULT '0' NOT NULL,
	process VARCHAR(128),
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_web_chats PRIMARY KEY (id),
	CONSTRAINT uq_web_chats_user_uuid_agent UNIQUE (user_uuid, agent),
	CONSTRAINT fk_web_chats_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_web_chats_agent ON web_chats (agent);

CREATE INDEX ix_web_chats_user_uuid ON web_chats (user_uuid);

CREATE TABLE agent_passages (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	document_id UUID NOT NULL,
	number INTEGER NOT NULL,
	place VARCHAR(200) NOT NULL,
	content TEXT NOT NULL,
	CONSTRAINT pk_agent_passages PRIMARY KEY (id),
	CONSTRAINT uq_agent_passages_document_id_number UNIQUE (document_id, number),
	CONSTRAINT fk_agent_passages_document_id FOREIGN KEY(document_id) REFERENCES agent_documents (id) ON DELETE CASCADE
);

CREATE TABLE deliveries (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	channel VARCHAR(32) NOT NULL,
	chat_account_id UUID,
	text TEXT NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	state VARCHAR(16) DEFAULT 'waiting' NOT NULL,
	attempts INTEGER DEFAULT '0' NOT NULL,
	parts_sent INTEGER DEFAULT '0' NOT NULL,
	next_attempt_at TIMESTAMP WITH TIME ZONE NOT NULL,
	lease_id UUID,
	leased_until TIMESTAMP WITH TIME ZONE,
	last_error VARCHAR(500),
	settled_at TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	subject VARCHAR(255),
	sender VARCHAR(100) DEFAULT 'scheduler' NOT NULL,
	any_hour BOOLEAN DEFAULT false NOT NULL,
	request_id VARCHAR(128),
	CONSTRAINT pk_deliveries PRIMARY KEY (id),
	CONSTRAINT fk_deliveries_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE,
	CONSTRAINT fk_deliveries_chat_account_id FOREIGN KEY(chat_account_id) REFERENCES chat_accounts (id) ON DELETE SET NULL
);

CREATE INDEX ix_deliveries_state_sender_next_attempt_at ON deliveries (state, sender, next_attempt_at);

CREATE INDEX ix_deliveries_state_settled_at ON deliveries (state, settled_at);

CREATE INDEX ix_deliveries_user_uuid ON deliveries (user_uuid);

CREATE TABLE reminders (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	subject VARCHAR(255) NOT NULL,
	text TEXT NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	fired_at TIMESTAMP WITH TIME ZONE,
	chat_account_id UUID,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	rule VARCHAR(255),
	starts VARCHAR(19),
	last_due_at TIMESTAMP WITH TIME ZONE,
	done_due_at TIMESTAMP WITH TIME ZONE,
	request_id VARCHAR(128),
	CONSTRAINT pk_reminders PRIMARY KEY (id),
	CONSTRAINT uq_reminders_user_uuid_subject UNIQUE (user_uuid, subject),
	CONSTRAINT fk_reminders_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE,
	CONSTRAINT fk_reminders_chat_account_id FOREIGN KEY(chat_account_id) REFERENCES chat_accounts (id) ON DELETE SET NULL
);

CREATE INDEX ix_reminders_fired_at_due_at ON reminders (fired_at, due_at);

CREATE INDEX ix_reminders_user_uuid ON reminders (user_uuid);

CREATE TABLE task_lists_members (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	row_id UUID NOT NULL,
	user_uuid UUID,
	username VARCHAR(255) NOT NULL,
	name_key VARCHAR(255) NOT NULL,
	role VARCHAR(16) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_task_lists_members PRIMARY KEY (id),
	CONSTRAINT uq_task_lists_members_row_id_user_uuid UNIQUE (row_id, user_uuid),
	CONSTRAINT uq_task_lists_members_row_id_name_key UNIQUE (row_id, name_key),
	CONSTRAINT fk_task_lists_members_row_id FOREIGN KEY(row_id) REFERENCES task_lists (id) ON DELETE CASCADE,
	CONSTRAINT fk_task_lists_members_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_task_lists_members_name_key ON task_lists_members (name_key);

CREATE INDEX ix_task_lists_members_row_id ON task_lists_members (row_id);

CREATE INDEX ix_task_lists_members_user_uuid ON task_lists_members (user_uuid);

CREATE TABLE tasks (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	user_uuid UUID NOT NULL,
	list_id UUID NOT NULL,
	name TEXT NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE,
	repeat VARCHAR(255),
	done BOOLEAN DEFAULT false NOT NULL,
	completed_at TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_tasks PRIMARY KEY (id),
	CONSTRAINT fk_tasks_user_uuid FOREIGN KEY(user_uuid) REFERENCES users (id) ON DELETE CASCADE,
	CONSTRAINT fk_tasks_list_id FOREIGN KEY(list_id) REFERENCES task_lists (id) ON DELETE CASCADE
);

CREATE INDEX ix_tasks_list_id ON tasks (list_id);

CREATE INDEX ix_tasks_user_uuid ON tasks (user_uuid);

CREATE INDEX ix_tasks_user_uuid_created_at_id ON tasks (user_uuid, created_at, id);

CREATE TABLE web_chat_events (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	chat_id UUID NOT NULL,
	number BIGINT NOT NULL,
	kind VARCHAR(16) NOT NULL,
	key VARCHAR(64),
	data TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_web_chat_events PRIMARY KEY (id),
	CONSTRAINT uq_web_chat_events_chat_id_number UNIQUE (chat_id, number),
	CONSTRAINT fk_web_chat_events_chat_id FOREIGN KEY(chat_id) REFERENCES web_chats (id) ON DELETE CASCADE
);

CREATE INDEX ix_web_chat_events_chat_id_key ON web_chat_events (chat_id, key);

CREATE INDEX ix_web_chat_events_created_at ON web_chat_events (created_at);

CREATE TABLE web_chat_messages (
	id UUID DEFAULT gen_random_uuid() NOT NULL,
	chat_id UUID NOT NULL,
	number BIGINT NOT NULL,
	content TEXT NOT NULL,
	taken_at TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
	CONSTRAINT pk_web_chat_messages PRIMARY KEY (id),
	CONSTRAINT uq_web_chat_messages_chat_id_number UNIQUE (chat_id, number),
	CONSTRAINT fk_web_chat_messages_chat_id FOREIGN KEY(chat_id) REFERENCES web_chats (id) ON DELETE CASCADE
);

-- Where the migrations stand, so that they start from here.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	oldest_compatible VARCHAR(32),
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO alembic_version (version_num, oldest_compatible) VALUES ('20261127_45f744', '0012');

-- Your own tables, from here to the end: CREATE TABLE IF NOT EXISTS, in PostgreSQL's words. They
-- are kept by `make format`, and made at the start on each database.
