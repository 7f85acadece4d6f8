/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The OpenStack APIs on one port, by path prefix: /identity, /compute, /image, /network,
 * /placement, and our own extensions below /drover. The daemon makes one Api, and gives its router
 * and hooks to the HTTP server. Reads and writes the store, nudges the engine; never calls
 * migration or hypervisor code. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "http/router.h"
#include "http/server.h"
#include "store/store.h"

/* One key as it is used; borrowed. */
typedef struct ApiConfigValue {
    const char *section;
    const char *name;
    const char *value;
    const char *next_value; /* that the next start will use; NULL: the same */
    const char *default_value;
    const char *help;  /* what it is for */
    const char *where; /* "file:line", "default", "option" */
    const char *group; /* of the host that was asked for; NULL: it is in none */
    bool needs_restart;
} ApiConfigValue;
typedef void (*ApiConfigRows)(const GPtrArray *values, void *data);

/* What reading the configuration anew has changed. */
typedef struct ApiConfigChange {
    const char *section;
    const char *name;
    char *from;
    char *to;
    char *where;
    bool needs_restart; /* it takes effect at the next start alone */
    GPtrArray *hosts;   /* names of those for which it changes; empty: not a matter of hosts, or
                           there are none */
} ApiConfigChange;

/* A processor for the guests of some hosts. */
typedef struct ApiCpuModel {
    const char *model;
    char **features; /* beside it */
    char **hosts;
    const char *user; /* who wants it */
} ApiCpuModel;

typedef struct ApiOptions {
    const Clock *clock;
    const char *public_url; /* "https://cloud.example:8774"; NULL or "": what each request's Host
                               header says (X-Forwarded-* is not believed) */
    const char *region;     /* NULL = "RegionOne" */
    const char *image_directory;  /* where image files lie; made when it is missing */
    const char *volume_pool;      /* that every host shares; NULL: no volumes are made */
    const char *config_drive_format; /* of new instances: "vfat", "iso9660"; NULL = vfat */
    const char *config_drive_label;  /* "config-2", "CIDATA"; NULL = config-2 */
    uint64_t max_image_bytes;     /* 0 = no limit of our own */
    int64_t token_lifetime_us;    /* 0 = 24 h */
    int64_t service_down_time_us; /* 0 = 60 s */
    int max_limit;                /* rows of one page, 0 = 1000 */
    bool metrics_public;          /* /metrics needs no token */
    bool swtpm_enabled;           /* instances may have a TPM */
    bool allow_plaintext;         /* hosts may have qemu+tcp:// URIs */
    PlacementPolicy placement; /* as the engine has it; a ratio of 0 is 1.0 */
    const char *fence_directory; /* where fence agents are */
    int fence_timeout_ms;
    bool evacuated_instances_stopped; /* at every microversion */
    /* What each machine that moves instances calls its states in the API: what is above may look
     * down, so the daemon hands it in. states: comma separated "type:state"; NULL: no state has
     * that status. */
    const char *(*migration_status)(const Migration *migration);
    char *(*migration_states)(const char *status);
    /* The configuration, which is the daemon's: all of it works from any thread. */
    void *config_data;
    /* Calls back with rows of ApiConfigValue, as they are for that host (NULL: for all). */
    void (*list_config)(void *config_data, const char *host, ApiConfigRows rows, void *data);
    /* Reads it anew; false: it is refused as a whole, and the old one stays. Of ApiConfigChange and
     * of sentences; the caller frees both. */
    bool (*reload_config)(
        void *config_data, GPtrArray **ret_changes, GPtrArray **ret_warnings, GError **error);
    /* Writes it into the configuration and reads that anew; false: it is as it was. *ret_path is
     * the file; the caller frees all three. It writes to a disk: for a worker. */
    bool (*apply_cpu)(void *config_data, const ApiCpuModel *model, char **ret_path,
        GPtrArray **ret_changes, GPtrArray **ret_warnings, GError **error);
} ApiOptions;

typedef struct Api Api;

/* Copies the options; store, engine and clock must outlive it. Removes what uploads that a killed
 * daemon left behind. */
Api *api_new(const ApiOptions *options, Store *store, Engine *engine, GError **error);
void api_free(Api *api);
/* For the server; others (the dashboard) may add tables of their own before it starts. */
HttpRouter *api_router(Api *api);
HttpHooks api_hooks(Api *api);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Api, api_free)
