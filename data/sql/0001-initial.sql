-- SPDX-License-Identifier: Apache-2.0
-- Copyright the drover authors.
--
-- The first schema. One text for every database: times are microseconds since 1970 in BIGINT,
-- booleans are BIGINT 0 or 1, JSON is TEXT. @IDENTITY@ is the type of a key that the database
-- counts up by itself and never gives twice; the layer over each database (src/store/sqlite.c)
-- says what it is there. Nothing else may differ.

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Who may ask.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    email TEXT,
    default_project_id TEXT,
    enabled BIGINT NOT NULL
);

CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    enabled BIGINT NOT NULL
);

CREATE TABLE roles (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

INSERT INTO roles (id, name) VALUES
    ('a7d4c1f0b3e24d6f8c5a90e1b2d3f401', 'admin'),
    ('a7d4c1f0b3e24d6f8c5a90e1b2d3f402', 'manager'),
    ('a7d4c1f0b3e24d6f8c5a90e1b2d3f403', 'member'),
    ('a7d4c1f0b3e24d6f8c5a90e1b2d3f404', 'reader');

CREATE TABLE role_assignments (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (user_id, project_id, role_id)
);
CREATE INDEX role_assignments_by_project ON role_assignments (project_id);

-- A token is known by the SHA-256 of its text.
CREATE TABLE tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    issued_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
CREATE INDEX tokens_by_user ON tokens (user_id);
CREATE INDEX tokens_by_project ON tokens (project_id);
CREATE INDEX tokens_by_expiry ON tokens (expires_us);

-- What instances are made from.

CREATE TABLE images (
    number @IDENTITY@,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner TEXT,
    status TEXT NOT NULL,
    visibility TEXT NOT NULL,
    disk_format TEXT,
    container_format TEXT,
    size_bytes BIGINT NOT NULL,
    virtual_size_bytes BIGINT NOT NULL,
    sha256 TEXT,
    md5 TEXT,
    sha512 TEXT,
    min_ram_mib BIGINT NOT NULL,
    min_disk_gib BIGINT NOT NULL,
    is_protected BIGINT NOT NULL,
    is_hidden BIGINT NOT NULL,
    tags_json TEXT NOT NULL,
    properties_json TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX images_by_sha256 ON images (sha256);

CREATE TABLE flavors (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    vcpus BIGINT NOT NULL,
    ram_mib BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL,
    ephemeral_gib BIGINT NOT NULL,
    swap_mib BIGINT NOT NULL,
    rxtx_factor DOUBLE PRECISION NOT NULL,
    is_public BIGINT NOT NULL,
    extra_specs_json TEXT NOT NULL
);

CREATE TABLE networks (
    id TEXT NOT NULL PRIMARY KEY,
    subnet_id TEXT NOT NULL UNIQUE,
    subnet_name TEXT,
    name TEXT NOT NULL UNIQUE,
    bridge TEXT NOT NULL,
    cidr TEXT NOT NULL,
    gateway TEXT,
    pool_start TEXT,
    pool_end TEXT,
    mtu BIGINT NOT NULL,
    created_us BIGINT NOT NULL
);

-- Where they run.

CREATE TABLE hosts (
    number @IDENTITY@,
    id TEXT NOT NULL UNIQUE,
    hypervisor_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    uri TEXT NOT NULL,
    peer_uri TEXT NOT NULL,
    migration_address TEXT NOT NULL,
    pool TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    disabled_reason TEXT,
    forced_down BIGINT NOT NULL DEFAULT 0,
    forced_down_us BIGINT NOT NULL DEFAULT 0,
    forced_down_by TEXT,
    fence_agent TEXT,
    fence_options TEXT NOT NULL DEFAULT '',
    power TEXT NOT NULL DEFAULT 'unknown',
    power_us BIGINT NOT NULL DEFAULT 0,
    fenced_us BIGINT NOT NULL DEFAULT 0,
    fenced_by TEXT,
    fence_error TEXT,
    connected BIGINT NOT NULL DEFAULT 0,
    connect_error TEXT,
    last_seen_us BIGINT NOT NULL DEFAULT 0,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    has_facts BIGINT NOT NULL DEFAULT 0,
    facts_hostname TEXT,
    facts_hypervisor_type TEXT,
    facts_hypervisor_version BIGINT NOT NULL DEFAULT 0,
    facts_libvirt_version BIGINT NOT NULL DEFAULT 0,
    facts_arch TEXT,
    facts_cpu_json TEXT NOT NULL DEFAULT '{}',
    facts_cpu_class TEXT,
    facts_vcpus BIGINT NOT NULL DEFAULT 0,
    facts_memory_mib BIGINT NOT NULL DEFAULT 0,
    facts_memory_free_mib BIGINT NOT NULL DEFAULT 0,
    facts_pool_capacity_bytes BIGINT NOT NULL DEFAULT 0,
    facts_pool_available_bytes BIGINT NOT NULL DEFAULT 0,
    facts_pool_path TEXT,
    facts_pool_id TEXT,
    facts_pool_json TEXT,
    facts_offers TEXT,
    facts_certificate_json TEXT,
    facts_uptime_s BIGINT NOT NULL DEFAULT 0,
    facts_running_domains BIGINT NOT NULL DEFAULT 0,
    facts_host_uuid TEXT
);

-- Where what a host runs and what is claimed of it are not the same, as of its last answer. uuid is
-- the domain's.

CREATE TABLE host_differences (
    host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    uuid TEXT NOT NULL,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    vcpus BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    claimed_vcpus BIGINT NOT NULL,
    claimed_memory_mib BIGINT NOT NULL,
    PRIMARY KEY (host, uuid)
);

-- What an aggregate says of its hosts is in its metadata; one with the key availability_zone is
-- that zone. The number of a membership grows, so that the first of an aggregate is its oldest.

CREATE TABLE aggregates (
    id @IDENTITY@,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE aggregate_metadata (
    aggregate_id BIGINT NOT NULL REFERENCES aggregates (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (aggregate_id, key)
);

CREATE TABLE aggregate_hosts (
    number @IDENTITY@,
    aggregate_id BIGINT NOT NULL REFERENCES aggregates (id),
    host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    UNIQUE (aggregate_id, host)
);
CREATE INDEX aggregate_hosts_by_host ON aggregate_hosts (host);

CREATE TABLE server_groups (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    max_server_per_host BIGINT NOT NULL,
    created_us BIGINT NOT NULL
);

-- An instance keeps its row when it is deleted (terminated_us is set then). The flavor is copied:
-- it stays as it was when the instance was made. user_data is last: it may be large, and columns
-- behind a large one are slow to read.
CREATE TABLE instances (
    number @IDENTITY@,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    hostname TEXT NOT NULL,
    description TEXT,
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    host TEXT,
    vm_state TEXT NOT NULL,
    power_state BIGINT NOT NULL,
    should_run BIGINT NOT NULL,
    delete_wanted BIGINT NOT NULL DEFAULT 0,
    delete_request_id TEXT,
    delete_user_id TEXT,
    generation BIGINT NOT NULL,
    flavor_id TEXT NOT NULL,
    flavor_name TEXT NOT NULL,
    flavor_description TEXT,
    flavor_vcpus BIGINT NOT NULL,
    flavor_ram_mib BIGINT NOT NULL,
    flavor_disk_gib BIGINT NOT NULL,
    flavor_ephemeral_gib BIGINT NOT NULL,
    flavor_swap_mib BIGINT NOT NULL,
    flavor_rxtx_factor DOUBLE PRECISION NOT NULL,
    flavor_is_public BIGINT NOT NULL,
    flavor_extra_specs_json TEXT NOT NULL,
    image_id TEXT,
    image_root_hash TEXT,
    image_root_format TEXT,
    image_kernel_hash TEXT,
    image_initrd_hash TEXT,
    image_kernel_id TEXT,
    image_initrd_id TEXT,
    image_command_line TEXT,
    image_cdrom_hash TEXT,
    config_drive_format TEXT NOT NULL,
    config_drive_label TEXT NOT NULL,
    hw_firmware TEXT,
    hw_tpm_version TEXT,
    hw_tpm_model TEXT,
    metadata_json TEXT NOT NULL,
    tags_json TEXT NOT NULL,
    key_name TEXT,
    availability_zone TEXT,
    group_id TEXT REFERENCES server_groups (id) ON DELETE SET NULL,
    reservation_id TEXT,
    locked BIGINT NOT NULL,
    locked_by TEXT,
    locked_reason TEXT,
    has_fault BIGINT NOT NULL DEFAULT 0,
    fault_code BIGINT NOT NULL DEFAULT 0,
    fault_message TEXT,
    fault_details TEXT,
    fault_created_us BIGINT NOT NULL DEFAULT 0,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    launched_us BIGINT NOT NULL DEFAULT 0,
    terminated_us BIGINT NOT NULL DEFAULT 0,
    user_data TEXT
);
CREATE INDEX instances_living ON instances (created_us, number) WHERE terminated_us = 0;
CREATE INDEX instances_living_by_host ON instances (host, created_us, number)
    WHERE terminated_us = 0;
CREATE INDEX instances_living_by_project ON instances (project_id, created_us, number)
    WHERE terminated_us = 0;
CREATE INDEX instances_by_group ON instances (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX instances_by_update ON instances (updated_us);

-- The address is the number that the four bytes make, so that order is the order of addresses.
CREATE TABLE ports (
    id TEXT NOT NULL PRIMARY KEY,
    network_id TEXT NOT NULL REFERENCES networks (id),
    instance_id TEXT NOT NULL REFERENCES instances (id),
    position BIGINT NOT NULL,
    mac TEXT NOT NULL UNIQUE,
    address BIGINT NOT NULL,
    UNIQUE (network_id, address),
    UNIQUE (instance_id, position)
);

-- What was asked for. state belongs to the engine, wanted to the API.

CREATE TABLE operations (
    id @IDENTITY@,
    kind TEXT NOT NULL,
    instance_id TEXT NOT NULL REFERENCES instances (id),
    state TEXT NOT NULL,
    wanted TEXT NOT NULL,
    is_open BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    requested_host TEXT,
    request_id TEXT,
    user_id TEXT,
    project_id TEXT,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    deadline_us BIGINT NOT NULL DEFAULT 0,
    error_code TEXT,
    message TEXT
);
-- This index is the promise that an instance has at most one operation under way.
CREATE UNIQUE INDEX operations_one_open ON operations (instance_id) WHERE is_open = 1;
-- For the engine, which asks for all that are open; the closed ones are many.
CREATE INDEX operations_open ON operations (is_open, id) WHERE is_open = 1;
CREATE INDEX operations_by_instance ON operations (instance_id, id);

CREATE TABLE operation_events (
    id @IDENTITY@,
    operation_id BIGINT NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    from_state TEXT,
    to_state TEXT NOT NULL,
    sentence TEXT,
    at_us BIGINT NOT NULL
);
CREATE INDEX operation_events_by_operation ON operation_events (operation_id, id);

-- type: live-migration, migration, resize or evacuation. -1 in a statistic: not known.
-- end_operation_id: the operation that confirms or reverts a cold move.
CREATE TABLE migrations (
    id @IDENTITY@,
    uuid TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    operation_id BIGINT NOT NULL UNIQUE REFERENCES operations (id),
    instance_id TEXT NOT NULL REFERENCES instances (id),
    source_host TEXT NOT NULL,
    dest_host TEXT,
    block_migration TEXT NOT NULL,
    disk_over_commit BIGINT NOT NULL,
    force BIGINT NOT NULL,
    early_checks BIGINT NOT NULL,
    copies_disks BIGINT NOT NULL DEFAULT 0,
    disks TEXT,
    generation BIGINT NOT NULL DEFAULT 0,
    pause_first BIGINT NOT NULL DEFAULT 0,
    convergence TEXT NOT NULL DEFAULT 'pre-copy',
    convergence_reason TEXT,
    connections BIGINT NOT NULL DEFAULT 1,
    downtime_limit_ms BIGINT NOT NULL DEFAULT 0,
    forced TEXT NOT NULL DEFAULT '',
    forced_reason TEXT,
    trouble TEXT,
    ends_stopped BIGINT NOT NULL DEFAULT 0,
    admin_pass TEXT,
    reason TEXT,
    memory_total_bytes BIGINT NOT NULL DEFAULT -1,
    memory_processed_bytes BIGINT NOT NULL DEFAULT -1,
    memory_remaining_bytes BIGINT NOT NULL DEFAULT -1,
    disk_total_bytes BIGINT NOT NULL DEFAULT -1,
    disk_processed_bytes BIGINT NOT NULL DEFAULT -1,
    disk_remaining_bytes BIGINT NOT NULL DEFAULT -1,
    memory_bytes_s BIGINT NOT NULL DEFAULT -1,
    disk_bytes_s BIGINT NOT NULL DEFAULT -1,
    dirty_bytes_s BIGINT NOT NULL DEFAULT -1,
    iteration BIGINT NOT NULL DEFAULT -1,
    elapsed_ms BIGINT NOT NULL DEFAULT -1,
    downtime_ms BIGINT NOT NULL DEFAULT -1,
    started_us BIGINT NOT NULL DEFAULT 0,
    finished_us BIGINT NOT NULL DEFAULT 0,
    was_running BIGINT NOT NULL DEFAULT 0,
    end_operation_id BIGINT REFERENCES operations (id),
    refused_operation_id BIGINT REFERENCES operations (id)
);
CREATE INDEX migrations_by_instance ON migrations (instance_id, id);
CREATE INDEX migrations_by_end ON migrations (end_operation_id);

-- The flavors of a resize: the one that the instance had, and the one that it gets.
CREATE TABLE resize_flavors (
    operation_id BIGINT NOT NULL REFERENCES operations (id),
    role TEXT NOT NULL CHECK (role IN ('old', 'new')),
    flavor_id TEXT NOT NULL,
    flavor_name TEXT NOT NULL,
    flavor_description TEXT,
    flavor_vcpus BIGINT NOT NULL,
    flavor_ram_mib BIGINT NOT NULL,
    flavor_disk_gib BIGINT NOT NULL,
    flavor_ephemeral_gib BIGINT NOT NULL,
    flavor_swap_mib BIGINT NOT NULL,
    flavor_rxtx_factor DOUBLE PRECISION NOT NULL,
    flavor_is_public BIGINT NOT NULL,
    flavor_extra_specs_json TEXT NOT NULL,
    PRIMARY KEY (operation_id, role)
);

-- What is taken on a host, and by whom. owner: where the instance is; target: where it is going;
-- kept: where it was, until its cold move is confirmed or reverted. The use of a host is the sum of
-- its rows and is stored nowhere.
CREATE TABLE claims (
    instance_id TEXT NOT NULL REFERENCES instances (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'target', 'kept')),
    operation_id BIGINT NOT NULL REFERENCES operations (id),
    host TEXT NOT NULL REFERENCES hosts (name),
    vcpus BIGINT NOT NULL,
    ram_mib BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL,
    PRIMARY KEY (instance_id, role)
);
CREATE INDEX claims_by_host ON claims (host, role, vcpus, ram_mib, disk_gib);
CREATE INDEX claims_by_operation ON claims (operation_id);

-- Where an operation went and why, or why nowhere (has_host 0): see src/scheduler/record.c.
CREATE TABLE decisions (
    id @IDENTITY@,
    operation_id BIGINT NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    has_host BIGINT NOT NULL,
    made_us BIGINT NOT NULL,
    kept_until_us BIGINT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX decisions_by_operation ON decisions (operation_id);
CREATE INDEX decisions_by_end ON decisions (kept_until_us);

-- Disks with a life of their own: in the pool that every host shares, or (pool NULL) on the network
-- at a URI.
CREATE TABLE volumes (
    number @IDENTITY@,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL,
    size_gib BIGINT NOT NULL,
    pool TEXT,
    format TEXT NOT NULL,
    uri TEXT,
    uri_key TEXT UNIQUE,
    bootable BIGINT NOT NULL,
    image_id TEXT,
    image_root_hash TEXT,
    image_root_format TEXT,
    image_kernel_hash TEXT,
    image_initrd_hash TEXT,
    image_kernel_id TEXT,
    image_initrd_id TEXT,
    image_command_line TEXT,
    metadata_json TEXT NOT NULL,
    message TEXT,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX volumes_by_project ON volumes (project_id, number);
CREATE INDEX volumes_unsettled ON volumes (status) WHERE status IN ('creating', 'deleting');

-- Which instance has which volume. A volume has one place at most: that index is the promise.
CREATE TABLE volume_attachments (
    id TEXT NOT NULL PRIMARY KEY,
    volume_id TEXT NOT NULL UNIQUE REFERENCES volumes (id),
    instance_id TEXT NOT NULL REFERENCES instances (id),
    operation_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    device TEXT NOT NULL,
    boot_index BIGINT NOT NULL,
    delete_on_termination BIGINT NOT NULL,
    tag TEXT,
    created_us BIGINT NOT NULL,
    UNIQUE (instance_id, device)
);

-- What an operation has left on a host, on purpose or because the host could not be reached. kind:
-- 'guest' is a copy that its instance has left, with its domain and its volumes (with_disks: they
-- are its own and go with it); 'volume' is one volume that nobody is known to need; 'disk' is one
-- that the definition of an instance there still has, and the instance has not.
CREATE TABLE leftovers (
    id @IDENTITY@,
    host TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('guest', 'volume', 'disk')),
    name TEXT NOT NULL,
    instance_id TEXT,
    operation_id BIGINT,
    with_disks BIGINT NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL DEFAULT -1,
    why TEXT NOT NULL,
    removable_when TEXT NOT NULL,
    remove_wanted BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    since_us BIGINT NOT NULL,
    UNIQUE (host, kind, name)
);
CREATE INDEX leftovers_by_instance ON leftovers (instance_id);

-- Whether guests get from one host to another, by the last canary that was sent: to be sent, or on
-- its way, while asked_us is later than tried_us. pool: 0 not known, 1 shared, 2 each its own.
CREATE TABLE canaries (
    source_host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    dest_host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    asked_us BIGINT NOT NULL,
    tried_us BIGINT NOT NULL DEFAULT 0,
    elapsed_ms BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    pool BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (source_host, dest_host)
);
CREATE INDEX canaries_by_dest ON canaries (dest_host);

-- Whether hosts of a class (facts_cpu_class) can give guests with that processor what they have;
-- refusal NULL: they can.
CREATE TABLE cpu_answers (
    guest_cpu TEXT NOT NULL,
    host_class TEXT NOT NULL,
    asked_host TEXT NOT NULL,
    refusal TEXT,
    asked_us BIGINT NOT NULL,
    PRIMARY KEY (guest_cpu, host_class)
);

-- What the console of an instance said on hosts it has left.
CREATE TABLE consoles (
    instance_id TEXT NOT NULL REFERENCES instances (id),
    operation_id BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (instance_id, operation_id)
);

-- A job that empties a host (drain), or brings back what drains have taken from it (restore). state
-- belongs to the engine, wanted to the API.
CREATE TABLE drains (
    id @IDENTITY@,
    host TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('drain', 'restore')),
    state TEXT NOT NULL,
    is_open BIGINT NOT NULL,
    wanted TEXT NOT NULL,
    parallel BIGINT NOT NULL,
    cold_fallback BIGINT NOT NULL,
    reason TEXT,
    request_id TEXT,
    user_id TEXT,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
-- One at a time for each host.
CREATE UNIQUE INDEX drains_one_open ON drains (host) WHERE is_open = 1;
CREATE INDEX drains_by_host ON drains (host, id);

-- What it does with each instance. operation_id is written in the commit that accepts that one.
CREATE TABLE drain_items (
    drain_id BIGINT NOT NULL REFERENCES drains (id) ON DELETE CASCADE,
    instance_id TEXT NOT NULL REFERENCES instances (id),
    state TEXT NOT NULL,
    dest_host TEXT,
    operation_id BIGINT REFERENCES operations (id),
    is_cold BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    tried TEXT,
    not_before_us BIGINT NOT NULL DEFAULT 0,
    message TEXT,
    fix TEXT,
    PRIMARY KEY (drain_id, instance_id)
);
