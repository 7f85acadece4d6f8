/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "daemon/config_keys.h"

/* clang-format off */
const ConfigKey daemon_config_keys[] = {
    {"DEFAULT", "state_path", CONFIG_STRING, "/var/lib/drover", 0, 0,
        "The directory of the database and of the image files."},
    {"DEFAULT", "log_level", CONFIG_STRING, "info", 0, 0,
        "What is logged: error, warning, info or debug."},
    {"DEFAULT", "log_format", CONFIG_STRING, "logfmt", 0, 0,
        "How a line of the log looks: logfmt or json.", 0, "logfmt,json"},
    {"DEFAULT", "service_down_time", CONFIG_INT, "60", 2, 86400,
        "Seconds without a sign of life after which a host is shown as down."},
    {"DEFAULT", "max_concurrent_live_migrations", CONFIG_INT, "1", 0, 1000,
        "Live migrations that leave one host at the same time; 0 is no limit.", CONFIG_RELOAD},
    {"DEFAULT", "shutdown_timeout", CONFIG_INT, "60", 0, 86400,
        "Seconds that a guest has to power off when it is stopped, before its plug is pulled.",
        CONFIG_RELOAD},
    {"DEFAULT", "resize_confirm_window", CONFIG_INT, "0", 0, 31536000,
        "Seconds after which a cold migration or a resize is confirmed by itself; 0 is never.",
        CONFIG_RELOAD},
    {"DEFAULT", "resume_guests_state_on_host_boot", CONFIG_BOOL, "true", 0, 0,
        "Whether an instance that should run is started again after its host's reboot."},
    {"DEFAULT", "sync_power_state_interval", CONFIG_INT, "600", 5, 86400,
        "Seconds between two looks at all domains and at the facts of a host; events come at once "
        "beside them."},
    {"DEFAULT", "max_transfers", CONFIG_INT, "256", 1, 1000,
        "Migrate calls at the same time in the whole fleet; each takes a thread."},
    {"DEFAULT", "default_availability_zone", CONFIG_STRING, "nova", 0, 0,
        "The availability zone of hosts that are in no aggregate with a zone."},
    {"DEFAULT", "cpu_allocation_ratio", CONFIG_FLOAT, "16.0", 0.1, 1000,
        "Virtual processors that may be promised for each processor of a host."},
    {"DEFAULT", "ram_allocation_ratio", CONFIG_FLOAT, "1.5", 0.1, 1000,
        "Memory that may be promised for each MiB that a host has."},
    {"DEFAULT", "ram_over_commit", CONFIG_BOOL, "false", 0, 0,
        "Whether a guest goes to a host that has not really so much memory free, as far as "
        "ram_allocation_ratio allows: for hosts that swap, or share equal pages (KSM). Where they do "
        "not, the kernel there ends some guest once memory runs out."},
    {"DEFAULT", "disk_allocation_ratio", CONFIG_FLOAT, "1.0", 0.1, 1000,
        "Disk that may be promised for each GiB of a host's pool."},
    {"DEFAULT", "reserved_host_memory_mb", CONFIG_INT, "512", 0, 1048576,
        "Memory of each host, in MiB, that is not promised to instances."},
    {"DEFAULT", "reserved_host_cpus", CONFIG_INT, "0", 0, 4096,
        "Processors of each host that are not promised to instances. Hosts whose processors for "
        "instances are named by [compute] cpu_shared_set or cpu_dedicated_set keep the others."},

    {"compute", "hosts", CONFIG_LIST, "", 0, 0,
        "The hosts of a group, by name; * and ? stand for any letters and for one. A host is in the "
        "first group that has it.",
        CONFIG_GROUP_ONLY},
    {"compute", "cpu_dedicated_set", CONFIG_STRING, "", 0, 0,
        "Processors of a host, like 2-7,^4, that instances with hw:cpu_policy = dedicated are pinned "
        "to; empty: there are none.",
        CONFIG_GROUP},
    {"compute", "cpu_shared_set", CONFIG_STRING, "", 0, 0,
        "Processors of a host that all other instances float over; empty: every one, or with a "
        "cpu_dedicated_set none.",
        CONFIG_GROUP},

    {"pci", "hosts", CONFIG_LIST, "", 0, 0,
        "The hosts of a group, as in [compute:NAME].", CONFIG_GROUP_ONLY},
    {"pci", "device_spec", CONFIG_STRING, "", 0, 0,
        "PCI devices of hosts that are for instances: a JSON object with any of vendor_id, product_id "
        "and address (like 0000:3b:00.1, each part of which may be *), for example "
        "{\"vendor_id\": \"10de\", \"product_id\": \"2236\"}; several times for several. The functions of "
        "a device are named with it.",
        CONFIG_GROUP | CONFIG_MULTI},
    {"pci", "alias", CONFIG_STRING, "", 0, 0,
        "What flavors call such devices in pci_passthrough:alias = NAME:COUNT: a JSON object with name, and "
        "any of vendor_id, product_id and device_type (type-PCI, type-PF or type-VF), for example "
        "{\"name\": \"gpu\", \"vendor_id\": \"10de\"}; several times for several, and those of one name are "
        "alternatives.",
        CONFIG_MULTI},

    {"scheduler", "max_attempts", CONFIG_INT, "3", 1, 100,
        "Hosts that a new instance is tried on where drover chooses: one that refuses the guest, or does "
        "not get its image, is let go, and what was made there is removed before the next. 1: none is "
        "tried after the first."},

    {"filter_scheduler", "enabled_filters", CONFIG_LIST,
        "ComputeFilter, ImagePropertiesFilter, SameHostFilter, DifferentHostFilter", 0, 0,
        "Checks that can be switched on and off, by Nova's names: ComputeFilter (a host is up and "
        "enabled), SameHostFilter and DifferentHostFilter (the hints same_host and "
        "different_host), ImagePropertiesFilter (hw_architecture, img_hv_type, hw_vm_mode, "
        "img_hv_requested_version of the image), NumInstancesFilter, AggregateNumInstancesFilter, "
        "IoOpsFilter, AggregateIoOpsFilter, AggregateTypeAffinityFilter, "
        "AggregateImagePropertiesIsolation, AggregateMultiTenancyIsolation, "
        "AggregateInstanceExtraSpecsFilter and NUMATopologyFilter (both of these are needed by the "
        "live migration of instances that are bound to processors, cells or pages). All others are "
        "always made: what each host failed is told by 'drover explain'."},
    {"filter_scheduler", "max_instances_per_host", CONFIG_INT, "50", 1, 1000000,
        "With NumInstancesFilter: instances that a host may have, those on their way to it "
        "included. With AggregateNumInstancesFilter an aggregate's metadata may say otherwise."},
    {"filter_scheduler", "max_io_ops_per_host", CONFIG_INT, "8", 1, 1000000,
        "With IoOpsFilter: instances that may be in the making on a host, or on their way from or to "
        "it. With AggregateIoOpsFilter an aggregate's metadata may say otherwise."},
    {"filter_scheduler", "image_properties_default_architecture", CONFIG_STRING, "", 0, 0,
        "With ImagePropertiesFilter: the architecture of images that name none; empty: any."},
    {"filter_scheduler", "aggregate_image_properties_isolation_namespace", CONFIG_STRING, "", 0, 0,
        "With AggregateImagePropertiesIsolation: only properties whose names begin so are compared "
        "with what aggregates say; empty: all."},
    {"filter_scheduler", "aggregate_image_properties_isolation_separator", CONFIG_STRING, ".", 0, 0,
        "What stands between that namespace and the rest of the name."},
    {"filter_scheduler", "ram_weight_multiplier", CONFIG_FLOAT, "1.0", -1e9, 1e9,
        "How much it counts, among the hosts that pass every check, to have the most memory left; "
        "negative packs instances instead of spreading them."},
    {"filter_scheduler", "cpu_weight_multiplier", CONFIG_FLOAT, "1.0", -1e9, 1e9,
        "The same for virtual processors."},
    {"filter_scheduler", "disk_weight_multiplier", CONFIG_FLOAT, "1.0", -1e9, 1e9,
        "The same for disk."},
    {"filter_scheduler", "num_instances_weight_multiplier", CONFIG_FLOAT, "0.0", -1e9, 1e9,
        "How much it counts to have the most instances; negative prefers hosts with few."},
    {"filter_scheduler", "io_ops_weight_multiplier", CONFIG_FLOAT, "0.0", -1e9, 1e9,
        "How much it counts to have the most instances that are being made or moved; negative (-1.0 in "
        "Nova) prefers hosts that have few to do. The metadata of an aggregate may hold any of these "
        "multipliers for its hosts."},
    {"filter_scheduler", "soft_affinity_weight_multiplier", CONFIG_FLOAT, "1.0", 0, 1e9,
        "For a server of a group with the policy soft-affinity: how much it counts to have the most "
        "of its group."},
    {"filter_scheduler", "soft_anti_affinity_weight_multiplier", CONFIG_FLOAT, "1.0", 0, 1e9,
        "With soft-anti-affinity: how much it counts to have the fewest."},
    {"filter_scheduler", "decisions_kept_hours", CONFIG_INT, "168", 0, 87600,
        "How long it is kept why an instance went where it went, or nowhere, for 'drover explain "
        "--request' (some 10 KiB each, and a byte for each host); 0: not at all."},

    {"DEFAULT", "evacuated_instances_stopped", CONFIG_BOOL, "false", 0, 0,
        "Whether an evacuated instance stays off at every microversion; from 2.95 on it always does."},

    {"fencing", "agent_path", CONFIG_STRING, "/usr/sbin", 0, 0,
        "The directory with the fence agents that hosts may name (Debian: package fence-agents)."},
    {"fencing", "timeout", CONFIG_INT, "60", 1, 3600,
        "Seconds that one run of a fence agent may take."},

    {"api", "listen", CONFIG_STRING, "127.0.0.1:8774", 0, 0,
        "ADDRESS:PORT that the API listens on; an empty address is every one ([::1]:8774 for IPv6), "
        "port 0 any free one, which is then logged."},
    {"api", "public_url", CONFIG_STRING, "", 0, 0,
        "The address of the API as clients see it, for the service catalog; empty is what each "
        "request's Host header says."},
    {"api", "region", CONFIG_STRING, "RegionOne", 0, 0,
        "The name of the region in the service catalog."},
    {"api", "tls_cert", CONFIG_STRING, "", 0, 0,
        "A PEM file with the API's certificate chain; empty is no TLS."},
    {"api", "tls_key", CONFIG_STRING, "", 0, 0, "The PEM file with the key of tls_cert."},
    {"api", "threads", CONFIG_INT, "8", 1, 256, "Threads that answer requests."},
    {"api", "max_connections", CONFIG_INT, "1024", 1, 65535,
        "Clients that may be connected at the same time."},
    {"api", "max_limit", CONFIG_INT, "1000", 1, 100000, "The most rows of one page of a list."},
    {"api", "metrics_public", CONFIG_BOOL, "true", 0, 0,
        "Whether GET /metrics is answered without a token."},

    {"database", "connection", CONFIG_STRING, "", 0, 0,
        "Where the database is, as sqlite:///PATH; empty is drover.db in state_path."},

    {"token", "expiration", CONFIG_INT, "86400", 60, 31536000,
        "Seconds after which a token ends."},

    {"DEFAULT", "config_drive_format", CONFIG_STRING, "vfat", 0, 0,
        "The file system of new config drives: vfat (a disk that is copied with the guest) or iso9660 "
        "(read-only; put on the destination of a move before the guest).",
        0, "vfat,iso9660"},
    {"DEFAULT", "config_drive_layout", CONFIG_STRING, "openstack", 0, 0,
        "How a guest finds its config drive: openstack (label config-2) or nocloud (label CIDATA); "
        "the files of both are on it.",
        0, "openstack,nocloud"},

    {"lint", "canary_interval", CONFIG_INT, "0", 0, 31536000,
        "Seconds after which a canary (drover host lint) from each host to the next two of its cell "
        "is sent anew by itself, one at a time, at most twelve in a minute; 0 sends those alone "
        "that are asked for.",
        CONFIG_RELOAD},

    {"volumes", "pool", CONFIG_STRING, "", 0, 0,
        "The storage pool, of the same name on every host and of the same directory, that volumes are "
        "made in; empty is no volumes but those on the network. A host that lacks it is told of in the log, "
        "by 'drover host list' and by 'drover host lint'."},

    {"glance", "image_size_cap", CONFIG_INT, "1099511627776", 1, 0x1p62,
        "The largest image, in bytes, that may be uploaded."},

    {"libvirt", "pki_path", CONFIG_STRING, "", 0, 0,
        "The directory with cacert.pem, clientcert.pem and clientkey.pem by which droverd itself "
        "reaches hosts; empty is libvirt's own place."},
    {"libvirt", "allow_plaintext", CONFIG_BOOL, "false", 0, 0,
        "Whether hosts may be added by a qemu+tcp URI, without encryption and without proof of who "
        "asks."},
    {"libvirt", "keepalive_interval", CONFIG_INT, "6", 1, 3600,
        "Seconds of silence after which a host's control connection is probed."},
    {"libvirt", "keepalive_count", CONFIG_INT, "2", 1, 100,
        "Probes without an answer after which a host's control connection is closed."},
    {"libvirt", "connect_timeout_ms", CONFIG_INT, "5000", 100, 60000,
        "Milliseconds that a host has to accept a connection."},
    {"libvirt", "virt_type", CONFIG_STRING, "", 0, 0,
        "kvm or qemu; empty is kvm where the host offers it.", 0, "kvm,qemu"},
    {"libvirt", "cpu_mode", CONFIG_STRING, "", 0, 0,
        "The processor that guests see: host-model, host-passthrough (moves between equal hosts "
        "alone), maximum, custom (one of cpu_models) or none (the emulator's own); empty is "
        "host-model with KVM, and none without.",
        CONFIG_GROUP | CONFIG_RELOAD, "host-model,host-passthrough,maximum,custom,none"},
    {"libvirt", "cpu_models", CONFIG_LIST, "", 0, 0,
        "With cpu_mode custom: models by libvirt's names, in order of preference; a guest gets the "
        "first that its host can run. A guest that is there keeps its own until it is stopped and "
        "started, or moved cold.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "cpu_model_extra_flags", CONFIG_LIST, "", 0, 0,
        "Features beside those of the model: +pcid (or pcid) to add one, -pcid to take one away.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "swtpm_enabled", CONFIG_BOOL, "false", 0, 0,
        "Whether guests may have an emulated TPM. The secrets of their states are made from the key "
        "in vtpm.key of state_path, which is made at the first start: keep a copy of it."},
    {"libvirt", "hosts", CONFIG_LIST, "", 0, 0,
        "The hosts of a group, by name; * and ? stand for any letters and for one. A host is in the "
        "first group that has it.",
        CONFIG_GROUP_ONLY | CONFIG_RELOAD},
    {"libvirt", "live_migration_with_native_tls", CONFIG_BOOL, "true", 0, 0,
        "Whether memory and disks flow encrypted between hosts in a migration.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_bandwidth", CONFIG_INT, "0", 0, 1048576,
        "The most MiB per second of one migration; 0 is no limit.", CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_inbound_addr", CONFIG_STRING, "", 0, 0,
        "Where a host without a migration address of its own takes migrations, as other hosts see "
        "it; %s stands for the name of the host. Empty is the address of its peer_uri.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_connect_timeout", CONFIG_INT, "30", 0, 50,
        "Seconds in which the destination must answer where it takes migrations, before a guest is "
        "moved there: QEMU and its guest stand still while they wait for that. 0 is untried.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_rehearse", CONFIG_BOOL, "false", 0, 0,
        "Whether the destination of every live migration first starts a twin of the guest (its "
        "processor, machine, memory and TPM; paused, without disks and NICs) and ends it: a second "
        "or two, in which the guest runs on as if nothing were. Otherwise it does when it is asked "
        "to (drover server migrate --rehearse).",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "migration_port_min", CONFIG_INT, "49152", 1024, 65535,
        "The first port at which the QEMU of a host takes migrations and disks, as in its qemu.conf.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "migration_port_max", CONFIG_INT, "49215", 1024, 65535,
        "The last of these ports, as in qemu.conf; it is the one that live_migration_connect_timeout "
        "tries, because only many migrations at once ever use it.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_downtime", CONFIG_INT, "500", 100, 2000000,
        "The longest pause, in milliseconds, to aim for at the end of a migration; the aim grows to "
        "it in steps.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_downtime_steps", CONFIG_INT, "10", 3, 1000000,
        "In how many steps the pause grows to live_migration_downtime.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_downtime_delay", CONFIG_INT, "75", 3, 1000000,
        "Seconds between two of these steps, for each GiB of memory and copied disks, of which each "
        "counts as 2 GiB at least.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_completion_timeout", CONFIG_INT, "800", 0, 1000000,
        "Seconds that a migration may take, for each GiB of memory and copied disks, of which each "
        "counts as 2 GiB at least; 0 is no limit.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_timeout_action", CONFIG_STRING, "abort", 0, 0,
        "What is done with a migration that has taken longer: abort, or force_complete (post-copy "
        "where it is permitted, else the guest is paused).",
        CONFIG_GROUP | CONFIG_RELOAD, "abort,force_complete"},
    {"libvirt", "live_migration_permit_auto_converge", CONFIG_BOOL, "false", 0, 0,
        "Whether QEMU may slow a guest down that writes to its memory faster than it is sent; not "
        "used where post-copy is.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_permit_post_copy", CONFIG_BOOL, "false", 0, 0,
        "Whether a migration that is forced to complete may run the guest on the destination before "
        "all of its memory is there.",
        CONFIG_GROUP | CONFIG_RELOAD},
    {"libvirt", "live_migration_parallel_connections", CONFIG_INT, "1", 1, 255,
        "Connections that one migration uses; more than 1 together with post-copy needs QEMU 10.1.",
        CONFIG_GROUP | CONFIG_RELOAD},

    {"vnc", "enabled", CONFIG_BOOL, "false", 0, 0,
        "Whether new guests get a VNC console. It has no password and no encryption of its own."},
    {"vnc", "server_listen", CONFIG_STRING, "127.0.0.1", 0, 0,
        "Where VNC consoles listen, new ones and those of guests that move: 127.0.0.1, ::1, 0.0.0.0 "
        "or ::, because an address of one host is none of the next."},
    {"spice", "enabled", CONFIG_BOOL, "false", 0, 0,
        "Whether new guests get a SPICE console. It has no password and no encryption of its own."},
    {"spice", "server_listen", CONFIG_STRING, "127.0.0.1", 0, 0,
        "Where SPICE consoles listen, as [vnc] server_listen."},

    {"hypervisor", "filters", CONFIG_LIST, "", 0, 0,
        "Faults and delays put in front of every host, for rehearsals: delay:VERB=MS, "
        "fault:VERB@N=ERROR."},

    {"fake", "path", CONFIG_STRING, "", 0, 0,
        "The file in which a fleet of fake hosts lives, or :memory:; empty is no fake hosts."},
    {"fake", "vcpus", CONFIG_INT, "64", 1, 65536, "Processors of each fake host."},
    {"fake", "memory_mb", CONFIG_INT, "262144", 64, 0x1p40, "Memory of each fake host, in MiB."},
    {"fake", "numa_cells", CONFIG_INT, "1", 1, 64,
        "NUMA cells of each fake host, which share its processors and its memory evenly."},
    {"fake", "huge_pages", CONFIG_INT, "0", 0, 0x1p40,
        "Pages of 2 MiB in each cell of a fake host."},
    {"fake", "pci_devices", CONFIG_INT, "0", -1, 32,
        "PCI devices 10de:2236 of each fake host; -1 is a libvirt that cannot list any."},
    {"fake", "bridges", CONFIG_STRING, "", 0, 0,
        "Bridges of fake hosts, with commas between: br0 of each, hosta:br1 of that one; empty is "
        "hosts that do not tell."},
    {"fake", "cpu_features", CONFIG_STRING, "", 0, 0,
        "What the processor that fits fake hosts has beside its model, with commas between: "
        "avx2,-rtm; guests on them have none of it."},
    {"fake", "pools", CONFIG_STRING, "volumes,shared", 0, 0,
        "Storage pools of fake hosts beside that of their instances, with commas between: volumes "
        "of each, hosta:fast of that one."},
    {"fake", "pool_gb", CONFIG_INT, "10240", 1, 0x1p30, "Pool of each fake host, in GiB."},
    {"fake", "shared_pool", CONFIG_BOOL, "false", 0, 0, "Whether all fake hosts share one pool."},
    {"fake", "transfer_rate", CONFIG_INT, "0", 0, 0x1p50,
        "Bytes per second of a fake migration; 0 is at once."},
    {"fake", "dirty_rate", CONFIG_INT, "0", 0, 0x1p50,
        "Bytes per second that each fake guest writes to its memory."},
    {"fake", "guest_disk_mb", CONFIG_INT, "32", 0, 0x1p30,
        "What the disk of a fake guest holds, in MiB."},
    {"fake", "base_rate", CONFIG_INT, "0", 0, 0x1p50,
        "Bytes per second at which images reach a fake host; 0 is at once."},
    {"fake", "switchover_ms", CONFIG_INT, "0", 0, 600000,
        "Milliseconds that a fake guest is paused on both sides at the end of a migration."},
    {"fake", "shutdown_ms", CONFIG_INT, "0", -1, 3600000,
        "Milliseconds that a fake guest takes to power off; -1 is never."},
    {NULL},
};

#define STORAGE_OF_POOLS                                                                           \
    "is taken and not used: it was for XenServer. The storage of a pool of hosts is the "          \
    "default_storage of its aggregate (doc/scheduling.md)"

const ConfigObsolete daemon_config_obsolete[] = {
    {"DEFAULT", "debug", "is not needed: set log_level = debug"},
    {"DEFAULT", "my_ip", "is not needed: each host has the addresses it was added with"},
    {"DEFAULT", "host", "is not needed: hosts have the names they were added with"},
    {"DEFAULT", "transport_url", "is not needed: there is no message queue"},
    {"DEFAULT", "rpc_response_timeout", "is not needed: there is no message queue"},
    {"DEFAULT", "compute_driver", "is not needed: a host's URI says what it is"},
    {"DEFAULT", "instances_path", "is not needed: instances live in a storage pool of their host"},
    {"DEFAULT", "report_interval",
        "is not needed: a host is up while its connection lives; see [libvirt] keepalive_interval"},
    {"DEFAULT", "vncserver_listen", "is called [vnc] server_listen"},
    {"DEFAULT", "vnc_enabled", "is called [vnc] enabled"},
    {"vnc", "vncserver_listen", "is called [vnc] server_listen"},
    {"DEFAULT", "live_migration_retry_count",
        "is not needed: a migration goes on when its events come"},
    {"DEFAULT", "max_concurrent_builds", "is not needed: calls to each host are limited by lanes"},
    {"DEFAULT", "osapi_compute_listen", "is called [api] listen"},
    {"DEFAULT", "osapi_compute_listen_port", "is part of [api] listen"},
    {"DEFAULT", "osapi_max_limit", "is called [api] max_limit"},
    {"wsgi", "api_paste_config", "is not needed: the API is part of droverd"},
    {"oslo_concurrency", "lock_path", "is not needed: droverd locks its database"},
    {"libvirt", "cpu_model", "is called [libvirt] cpu_models; set cpu_mode = custom with it"},
    {"libvirt", "live_migration_uri",
        "is not needed: hosts have a peer_uri, which is what they call each other by"},
    {"libvirt", "live_migration_scheme",
        "is not needed: a host's peer_uri and migration address say it"},
    {"libvirt", "live_migration_flag", "is not needed: flags follow from what is asked for"},
    {"libvirt", "block_migration_flag", "is not needed: flags follow from what is asked for"},
    {"libvirt", "live_migration_tunnelled",
        "is not needed: live_migration_with_native_tls encrypts memory and disks"},
    {"libvirt", "live_migration_progress_timeout",
        "is taken and not used: it cannot tell slow from stuck, for which Nova has deprecated it; "
        "live_migration_completion_timeout and live_migration_timeout_action end what does not"},
    {"DEFAULT", "scheduler_default_filters", "is called [filter_scheduler] enabled_filters"},
    {"DEFAULT", "ram_weight_multiplier", "is called [filter_scheduler] ram_weight_multiplier"},
    {"DEFAULT", "max_instances_per_host", "is called [filter_scheduler] max_instances_per_host"},
    {"filter_scheduler", "available_filters", "is not needed: every check is part of droverd"},
    {"filter_scheduler", "weight_classes", "is not needed: a weigher with multiplier 0 does nothing"},
    {"filter_scheduler", "sr_matching_filter", STORAGE_OF_POOLS},
    {"xenserver", "sr_matching_filter", STORAGE_OF_POOLS},
    {"DEFAULT", "sr_matching_filter", STORAGE_OF_POOLS},
    {NULL},
};
/* clang-format on */
