/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The Compute API: routes.c is the table; one file for each resource or action; view.c shapes what
 * several of them show. */
#include "api/context.h"

/* Names as Nova takes them: printable, no blanks at the ends. They go into the domain's XML, which
 * cannot carry control characters. */
#define COMPUTE_NAME_PATTERN "^(?!\\s)[^\\p{C}]+(?<!\\s)$"

/* ---- view.c ---- */
/* self and bookmark. */
json_t *compute_links(const ApiContext *context, const char *collection, const char *id);
/* {"id": id, "links": [the bookmark]}. */
json_t *compute_reference(const ApiContext *context, const char *collection, const char *id);
/* {"<name>": [...]} and "<name>_links" with the next page when next_marker is not NULL. */
HttpResponse *compute_reply_list(
    ApiContext *context, const char *name, json_t *take_rows, const char *next_marker);
/* JSON that the store keeps as text: an object or array; broken text reads as {}. */
json_t *compute_parse_stored(const char *text);

/* ---- hardware.c ---- */
/* Firmware and TPM, as flavor and image ask for them. The record is the caller's, also on
 * failure. */
bool compute_read_hardware(const ApiContext *context, const Flavor *flavor,
    const json_t *properties, GuestHardware *ret_hardware, GError **error);
/* Whether what a flavor asks of processors, pages and devices can be had: a part of the above.
 * INVALID as there. */
bool compute_check_specs(const ApiContext *context, const Flavor *flavor, GError **error);

/* ---- flavors.c ---- */
HttpResponse *compute_list_flavors(ApiContext *context, GError **error);
HttpResponse *compute_list_flavors_detail(ApiContext *context, GError **error);
HttpResponse *compute_show_flavor(ApiContext *context, GError **error);
HttpResponse *compute_create_flavor(ApiContext *context, GError **error);
HttpResponse *compute_update_flavor(ApiContext *context, GError **error);
HttpResponse *compute_delete_flavor(ApiContext *context, GError **error);
HttpResponse *compute_list_flavor_specs(ApiContext *context, GError **error);
HttpResponse *compute_create_flavor_specs(ApiContext *context, GError **error);
HttpResponse *compute_show_flavor_spec(ApiContext *context, GError **error);
HttpResponse *compute_update_flavor_spec(ApiContext *context, GError **error);
HttpResponse *compute_delete_flavor_spec(ApiContext *context, GError **error);

/* ---- services.c ---- */
/* What droverd itself is, in the zone "internal". */
enum { N_CONTROL_SERVICES = 2 };
extern const char *const compute_control_binaries[N_CONTROL_SERVICES];
/* By what os-services knows a host: a number below 2.53, a UUID from it on. */
json_t *compute_host_service_id(const ApiContext *context, const Host *host);
HttpResponse *compute_list_services(ApiContext *context, GError **error);
HttpResponse *compute_update_service(ApiContext *context, GError **error);       /* since 2.53 */
HttpResponse *compute_enable_service(ApiContext *context, GError **error);       /* until 2.52 */
HttpResponse *compute_disable_service(ApiContext *context, GError **error);      /* until 2.52 */
HttpResponse *compute_disable_service_reason(ApiContext *context, GError **error);
HttpResponse *compute_force_down_service(ApiContext *context, GError **error);

/* ---- hypervisors.c ---- */
HttpResponse *compute_list_hypervisors(ApiContext *context, GError **error);
HttpResponse *compute_list_hypervisors_detail(ApiContext *context, GError **error);
HttpResponse *compute_show_hypervisor(ApiContext *context, GError **error);
HttpResponse *compute_show_hypervisor_uptime(ApiContext *context, GError **error);
HttpResponse *compute_show_hypervisor_statistics(ApiContext *context, GError **error);
HttpResponse *compute_search_hypervisors(ApiContext *context, GError **error);   /* until 2.52 */
HttpResponse *compute_list_hypervisor_servers(ApiContext *context, GError **error);

/* ---- aggregates.c ---- */
HttpResponse *compute_list_aggregates(ApiContext *context, GError **error);
HttpResponse *compute_create_aggregate(ApiContext *context, GError **error);
HttpResponse *compute_show_aggregate(ApiContext *context, GError **error);
HttpResponse *compute_update_aggregate(ApiContext *context, GError **error);
HttpResponse *compute_delete_aggregate(ApiContext *context, GError **error);
HttpResponse *compute_aggregate_action(ApiContext *context, GError **error);

/* ---- server_groups.c ---- */
/* Of a project that this identity may see; else the error of that code. */
ServerGroup *compute_get_server_group(
    ApiContext *context, const char *id, ErrorCode missing, GError **error);
HttpResponse *compute_list_server_groups(ApiContext *context, GError **error);
HttpResponse *compute_create_server_group(ApiContext *context, GError **error);
HttpResponse *compute_show_server_group(ApiContext *context, GError **error);
HttpResponse *compute_delete_server_group(ApiContext *context, GError **error);

/* ---- hosts.c ---- */
HttpResponse *compute_list_hosts(ApiContext *context, GError **error);
HttpResponse *compute_show_host(ApiContext *context, GError **error);
HttpResponse *compute_update_host(ApiContext *context, GError **error);

/* ---- migrations.c ---- */
HttpResponse *compute_list_migrations(ApiContext *context, GError **error);      /* os-migrations */
HttpResponse *compute_list_server_migrations(ApiContext *context, GError **error);
HttpResponse *compute_show_server_migration(ApiContext *context, GError **error);
HttpResponse *compute_abort_migration(ApiContext *context, GError **error);
/* Why a migration in post-copy may not be aborted, and what else ends it; NULL: it may, since its
 * destination is dead, or it is not in post-copy. Caller frees. */
char *compute_why_no_way_back(ApiContext *context, const Migration *migration);
HttpResponse *compute_force_complete_migration(ApiContext *context, GError **error);

/* ---- servers.c ---- */
/* The instance of that id which this identity may see and which is not deleted; else NOT_FOUND
 * "Instance <id> could not be found.". */
Instance *compute_get_instance(ApiContext *context, const char *id, GError **error);
Instance *compute_get_instance_or_deleted(ApiContext *context, const char *id, GError **error);
/* What OS-DCF:diskConfig may be. */
extern const char *const compute_disk_configs[];
HttpResponse *compute_list_servers(ApiContext *context, GError **error);
HttpResponse *compute_list_servers_detail(ApiContext *context, GError **error);
HttpResponse *compute_show_server(ApiContext *context, GError **error);
HttpResponse *compute_update_server(ApiContext *context, GError **error);
HttpResponse *compute_delete_server(ApiContext *context, GError **error);

/* ---- server_view.c ---- */
/* What one reply needs beside the instances: hosts by name, read once each. */
typedef struct ServerView {
    ApiContext *context;
    GHashTable *hosts; /* name -> Host * */
    GPtrArray *volumes; /* Volume *: of the one server, or all there are; NULL until asked for */
    bool is_show;      /* one server: some members are not in lists */
} ServerView;
void server_view_init(ServerView *view, ApiContext *context, bool is_show);
void server_view_clear(ServerView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ServerView, server_view_clear)
/* The server object as its microversion shows it; NULL when the store failed. */
json_t *server_view_detail(ServerView *view, const Instance *instance, GError **error);
/* Whether its fault is shown: Nova shows those of ERROR and DELETED alone; here also why a move
 * could be neither confirmed nor reverted. */
bool compute_shows_fault(const Instance *instance);
/* hostId: differs per project, changes with the host, and tells nobody which host it is. */
json_t *compute_host_id(const Instance *instance);
json_t *server_view_summary(const ApiContext *context, const Instance *instance);

/* ---- server_topology.c ---- */
HttpResponse *compute_show_topology(ApiContext *context, GError **error);

/* ---- create_server.c ---- */
/* What flavorRef names, for whoever may see it; else 400. */
Flavor *compute_read_flavor(ApiContext *context, const json_t *body, GError **error);
HttpResponse *compute_create_server(ApiContext *context, GError **error);

/* ---- server_actions.c ---- */
HttpResponse *compute_server_action(ApiContext *context, GError **error);
/* An action of POST /servers/{id}/action: value is what its key holds. */
typedef HttpResponse *(*ServerAction)(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);
/* By the caller, now; it borrows from both. expected: states in which it is accepted. */
OperationRequest compute_make_request(const ApiContext *context, const Instance *instance,
    OperationKind kind, const VmState *expected, int n_expected);
/* Inserts the operation; 409 with Nova's sentence when the state forbids it. name: the action as
 * it was sent ("os-start"). */
bool compute_accept_operation(ApiContext *context, const Instance *instance, const char *name,
    OperationKind kind, const VmState *expected, int n_expected, GError **error);
/* 409 "Cannot 'x' instance <id> while it is in ...", unless its state allows it. */
bool compute_check_state(const Instance *instance, const char *name, const VmState *expected,
    int n_expected, GError **error);
/* Why a move is asked for: the header X-Drover-Reason, which the Compute API has no place for;
 * *ret_reason NULL = not said. 400 when it is not one line of at most 255 characters. */
bool compute_read_reason(const ApiContext *context, const char **ret_reason, GError **error);
/* Whether the destination is to rehearse: the header X-Drover-Rehearse, likewise. 400 when it is no
 * boolean. */
bool compute_read_rehearse(const ApiContext *context, bool *ret_rehearse, GError **error);
/* 400 when it is asked for where nothing moves while it runs. */
bool compute_check_no_rehearse(const ApiContext *context, GError **error);
/* 409 for everybody but administrators while the instance is locked. */
bool compute_check_lock(const ApiContext *context, const Instance *instance, GError **error);

/* Whether that may be asked of the instance as it and its host are now. */
bool compute_may_live_migrate(ApiContext *context, const Instance *instance, GError **error);
bool compute_may_cold_migrate(ApiContext *context, const Instance *instance, GError **error);
bool compute_may_evacuate(ApiContext *context, const Instance *instance, GError **error);

/* ---- cold_migrate.c ---- */
HttpResponse *compute_cold_migrate(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);
HttpResponse *compute_resize(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);
HttpResponse *compute_confirm_resize(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);
HttpResponse *compute_revert_resize(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);

/* ---- evacuate.c, live_migrate.c, console_output.c ---- */
HttpResponse *compute_evacuate(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);
HttpResponse *compute_live_migrate(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);
HttpResponse *compute_console_output(
    ApiContext *context, const Instance *instance, const json_t *value, GError **error);

/* ---- volume_attachments.c ---- */
HttpResponse *compute_list_volume_attachments(ApiContext *context, GError **error);
HttpResponse *compute_show_volume_attachment(ApiContext *context, GError **error);
HttpResponse *compute_attach_volume(ApiContext *context, GError **error);
HttpResponse *compute_detach_volume(ApiContext *context, GError **error);
HttpResponse *compute_update_volume_attachment(ApiContext *context, GError **error);

/* ---- metadata.c ---- */
HttpResponse *compute_list_metadata(ApiContext *context, GError **error);
HttpResponse *compute_merge_metadata(ApiContext *context, GError **error);
HttpResponse *compute_replace_metadata(ApiContext *context, GError **error);
HttpResponse *compute_show_metadata_item(ApiContext *context, GError **error);
HttpResponse *compute_set_metadata_item(ApiContext *context, GError **error);
HttpResponse *compute_delete_metadata_item(ApiContext *context, GError **error);
/* {k: text}: at most 128 keys of 255 characters; for create as well. */
bool compute_check_metadata(const json_t *metadata, GError **error);

/* ---- instance_actions.c ---- */
HttpResponse *compute_list_instance_actions(ApiContext *context, GError **error);
HttpResponse *compute_show_instance_action(ApiContext *context, GError **error);

/* ---- versions.c, misc.c ---- */
HttpResponse *compute_list_versions(ApiContext *context, GError **error);
HttpResponse *compute_show_version(ApiContext *context, GError **error);
HttpResponse *compute_show_limits(ApiContext *context, GError **error);
HttpResponse *compute_list_zones(ApiContext *context, GError **error);
HttpResponse *compute_list_zones_detail(ApiContext *context, GError **error);
HttpResponse *compute_list_addresses(ApiContext *context, GError **error);
