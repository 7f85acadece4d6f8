/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/volume.h"
#include <string.h>

static const char *const status_names[] = {
#define X(name, text) [VOLUME_##name] = text,
    VOLUME_STATUSES(X)
#undef X
};

static const char *const attachment_names[] = {
    [ATTACHMENT_RESERVED] = "reserved",
    [ATTACHMENT_ATTACHED] = "attached",
    [ATTACHMENT_LEAVING] = "leaving",
};

/* -1: it is none of them. */
static int
find_name(const char *const *names, size_t n_names, const char *text)
{
    for (size_t i = 0; i < n_names; i++) {
        if (g_strcmp0(names[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *
volume_status_name(VolumeStatus status)
{
    g_assert((unsigned)status < G_N_ELEMENTS(status_names));
    return status_names[status];
}

bool
volume_status_parse(const char *text, VolumeStatus *ret_status)
{
    int status = find_name(status_names, G_N_ELEMENTS(status_names), text);

    if (status >= 0) {
        *ret_status = (VolumeStatus)status;
    }
    return status >= 0;
}

const char *
attachment_state_name(AttachmentState state)
{
    g_assert((unsigned)state < G_N_ELEMENTS(attachment_names));
    return attachment_names[state];
}

bool
attachment_state_parse(const char *text, AttachmentState *ret_state)
{
    int state = find_name(attachment_names, G_N_ELEMENTS(attachment_names), text);

    if (state >= 0) {
        *ret_state = (AttachmentState)state;
    }
    return state >= 0;
}

const char *
volume_shown_status(const Volume *volume)
{
    if (volume->status != VOLUME_AVAILABLE || volume->attachment == NULL) {
        return volume_status_name(volume->status);
    }
    switch (volume->attachment->state) {
    case ATTACHMENT_RESERVED: return "attaching";
    case ATTACHMENT_ATTACHED: return "in-use";
    case ATTACHMENT_LEAVING: return "detaching";
    }
    g_assert_not_reached();
}

char *
volume_file_name(const Volume *volume)
{
    return g_strconcat("volume-", volume->id, NULL);
}

static int
default_port(const char *scheme)
{
    return strcmp(scheme, "iscsi") == 0 ? 3260 : 10809;
}

/* IQN/LUN: the one has no case, the other is a number. */
static char *
iscsi_key(const char *name)
{
    const char *slash = strrchr(name, '/');

    if (slash == NULL) {
        return g_ascii_strdown(name, -1);
    }
    g_autofree char *target = g_ascii_strdown(name, slash - name);
    return g_strdup_printf("%s/%" G_GUINT64_FORMAT, target, g_ascii_strtoull(slash + 1, NULL, 10));
}

static char *
nbd_key(const char *name)
{
    size_t length = strlen(name);

    while (length > 0 && name[length - 1] == '/') {
        length--;
    }
    return g_strndup(name, length);
}

char *
volume_uri_key(const char *text)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);

    if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0') {
        return NULL;
    }
    const char *scheme = g_uri_get_scheme(uri);
    const char *path = g_uri_get_path(uri);
    const char *name = path[0] == '/' ? path + 1 : path;
    int port = g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : default_port(scheme);
    g_autofree char *host = g_ascii_strdown(g_uri_get_host(uri), -1);
    g_autofree char *disk = strcmp(scheme, "iscsi") == 0 ? iscsi_key(name) : nbd_key(name);
    return g_strdup_printf("%s %s %d %s", scheme, host, port, disk);
}

const char *
attachment_target(const Attachment *attachment)
{
    const char *slash = strrchr(attachment->device, '/');
    return slash != NULL ? slash + 1 : attachment->device;
}

Volume *
volume_new(void)
{
    return g_new0(Volume, 1);
}

void
volume_free(Volume *volume)
{
    if (volume == NULL) {
        return;
    }
    g_free(volume->id);
    g_free(volume->name);
    g_free(volume->description);
    g_free(volume->project_id);
    g_free(volume->user_id);
    g_free(volume->pool);
    g_free(volume->format);
    g_free(volume->uri);
    image_refs_clear(&volume->image);
    g_free(volume->metadata_json);
    g_free(volume->message);
    attachment_free(volume->attachment);
    g_free(volume);
}

Attachment *
attachment_new(void)
{
    return g_new0(Attachment, 1);
}

void
attachment_free(Attachment *attachment)
{
    if (attachment == NULL) {
        return;
    }
    g_free(attachment->id);
    g_free(attachment->volume_id);
    g_free(attachment->instance_id);
    g_free(attachment->device);
    g_free(attachment->tag);
    g_free(attachment);
}
