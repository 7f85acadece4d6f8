/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Our own API, v1: what the OpenStack ones have no words for. Hosts are added and removed here,
 * and a migration is shown with its whole history. */
#include "api/context.h"

HttpResponse *drover_show_version(ApiContext *context, GError **error);

/* ---- hosts.c ---- */
HttpResponse *drover_list_hosts(ApiContext *context, GError **error);
HttpResponse *drover_show_host(ApiContext *context, GError **error);
HttpResponse *drover_add_host(ApiContext *context, GError **error);
HttpResponse *drover_remove_host(ApiContext *context, GError **error);
/* 404 in our own words. */
Host *drover_get_host(ApiContext *context, const char *name, GError **error);
HttpResponse *drover_reply_host(
    ApiContext *context, const char *name, int status, GError **error);

/* ---- capabilities.c ---- */
/* What can be done with the instances of a host, and why not; yes, no, or not known. */
HttpResponse *drover_show_capabilities(ApiContext *context, GError **error);
/* Its pool of instances: what libvirt says of it, who shares it, and what nobody can see from here;
 * NULL when the store failed. */
json_t *drover_view_storage(ApiContext *context, const Host *host, GError **error);

/* ---- cells.c ---- */
/* Its NUMA cells, and what of their processors, memory and pages nobody has; NULL when the store
 * failed. */
json_t *drover_view_cells(ApiContext *context, const Host *host, GError **error);

/* ---- devices.c ---- */
/* Its PCI devices that are for instances, and who has them; NULL when the store failed. */
json_t *drover_view_devices(ApiContext *context, const Host *host, GError **error);

/* ---- session.c: of a browser ---- */
HttpResponse *drover_begin_session(ApiContext *context, GError **error);
HttpResponse *drover_show_session(ApiContext *context, GError **error);
HttpResponse *drover_end_session(ApiContext *context, GError **error);

/* ---- events.c ---- */
HttpResponse *drover_stream_events(ApiContext *context, GError **error);

/* ---- cpu_baseline.c ---- */
HttpResponse *drover_cpu_baseline(ApiContext *context, GError **error);

/* ---- lint.c ---- */
HttpResponse *drover_start_lint(ApiContext *context, GError **error);
HttpResponse *drover_show_lint(ApiContext *context, GError **error);

/* ---- power.c ---- */
HttpResponse *drover_update_host(ApiContext *context, GError **error);
HttpResponse *drover_host_power(ApiContext *context, GError **error);

/* ---- drains.c ---- */
HttpResponse *drover_begin_drain(ApiContext *context, GError **error);
HttpResponse *drover_begin_restore(ApiContext *context, GError **error);
HttpResponse *drover_show_drain(ApiContext *context, GError **error);
HttpResponse *drover_update_drain(ApiContext *context, GError **error);
HttpResponse *drover_list_drains(ApiContext *context, GError **error);
/* By its id: a host may have begun another one since. */
HttpResponse *drover_show_one_drain(ApiContext *context, GError **error);

/* ---- drain_plan.c ---- */
/* The dry run of a drain or a restore of that host. */
HttpResponse *drover_plan_drain(
    ApiContext *context, const Host *host, bool is_restore, bool cold_fallback, GError **error);

/* ---- leftovers.c ---- */
HttpResponse *drover_list_leftovers(ApiContext *context, GError **error);
HttpResponse *drover_remove_leftover(ApiContext *context, GError **error);

/* ---- uri.c: pure ---- */
/* Checks the URI of a host; plaintext ones need leave. */
bool drover_check_uri(const char *uri, bool allow_plaintext, GError **error);
/* The URI by which other hosts reach it, when none was named: without droverd's own certificates.
 * Caller frees. */
char *drover_make_peer_uri(const char *uri);

/* ---- config.c ---- */
HttpResponse *drover_show_config(ApiContext *context, GError **error);
HttpResponse *drover_reload_config(ApiContext *context, GError **error);
/* What a key of [libvirt] is for that host; "": there is no such key. Caller frees. */
char *drover_live_setting(ApiContext *context, const char *host, const char *name);
/* live_migration_permit_post_copy, of an ApiContext; as surroundings_ask_post_copy asks. */
bool drover_permits_post_copy(const char *host, void *context);
/* Of ApiConfigChange, and of sentences. The caller's. */
json_t *drover_view_reload(const GPtrArray *changes, const GPtrArray *warnings);

/* ---- instances.c ---- */
HttpResponse *drover_list_instances(ApiContext *context, GError **error);

/* ---- explain.c ---- */
HttpResponse *drover_explain(ApiContext *context, GError **error);

/* ---- explain_view.c ---- */
/* What was asked for, and every host that it tells of: the best first. The caller's. */
json_t *drover_view_placement(const Placement *placement);
/* The same with what it is an explanation of. problem: why it would be refused; NULL: it would not.
 * The caller's. */
json_t *drover_view_explanation(const char *move, const Instance *instance,
    const Placement *placement, const GError *problem);
/* An array of the ids in a text with commas between; NULL: none. The caller's. */
json_t *drover_view_ids(const char *ids);

/* ---- decisions.c ---- */
HttpResponse *drover_list_decisions(ApiContext *context, GError **error);

/* ---- migrations.c ---- */
HttpResponse *drover_list_migrations(ApiContext *context, GError **error);
HttpResponse *drover_show_migration(ApiContext *context, GError **error);
HttpResponse *drover_pause_first(ApiContext *context, GError **error);
HttpResponse *drover_abort(ApiContext *context, GError **error);
