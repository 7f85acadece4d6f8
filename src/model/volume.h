/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* A volume: a disk with a life of its own. It lies in a pool that every host shares, or somewhere
 * on the network, where drover only knows its URI and never makes or deletes it. An attachment is
 * what gives one instance one volume; a volume has at most one. Plain data. */
#include "model/instance.h"

/* NAME, stored name */
#define VOLUME_STATUSES(X)                                                                         \
    X(CREATING, "creating")   /* the engine is to make it */                                       \
    X(AVAILABLE, "available") /* it is there; in use when it has an attachment */                  \
    X(DELETING, "deleting")   /* the engine is to delete it; then the row goes */                  \
    X(ERROR, "error")         /* it could not be made */

typedef enum {
#define X(name, text) VOLUME_##name,
    VOLUME_STATUSES(X)
#undef X
} VolumeStatus;

typedef enum {
    ATTACHMENT_RESERVED, /* the open operation is to attach it */
    ATTACHMENT_ATTACHED, /* the guest has it */
    ATTACHMENT_LEAVING,  /* the open operation is to detach it */
} AttachmentState;

typedef struct Attachment {
    char *id; /* UUID */
    char *volume_id;
    char *instance_id;
    int64_t operation; /* that attaches or detaches it; 0 = none, it came with the instance */
    AttachmentState state;
    char *device;   /* "/dev/vdc": its place in the guest */
    int boot_index; /* 0: the root disk; -1: not booted from */
    bool delete_on_termination;
    char *tag; /* may be NULL */
    int64_t created_us;
} Attachment;

typedef struct Volume {
    char *id; /* UUID */
    char *name;
    char *description; /* may be NULL */
    char *project_id;
    char *user_id;
    VolumeStatus status;
    int64_t size_gib;
    char *pool;   /* NULL: it is on the network */
    char *format; /* "qcow2" or "raw" */
    char *uri;    /* NULL: it lies in the pool */
    bool bootable;
    ImageRefs image; /* what it was filled with; all NULL: nothing */
    char *metadata_json;
    char *message; /* why it is in error; may be NULL */
    int64_t created_us;
    int64_t updated_us;
    Attachment *attachment; /* joined in when read, NULL: it has none */
} Volume;

const char *volume_status_name(VolumeStatus status);
bool volume_status_parse(const char *text, VolumeStatus *ret_status);
/* What the Block Storage API shows: "in-use", "attaching" and "detaching" follow from the
 * attachment. Static. */
const char *volume_shown_status(const Volume *volume);
/* "volume-<id>": its name in the pool; caller frees. */
char *volume_file_name(const Volume *volume);
/* What is the same of all URIs that name one disk: NBD and iSCSI have default ports, hosts and
 * names of iSCSI have no case, and a slash at the end says nothing. NULL: it cannot be read;
 * caller frees. That two names, or two exports, lead to one disk cannot be seen. */
char *volume_uri_key(const char *uri);
/* "vdc" of "/dev/vdc"; borrowed. */
const char *attachment_target(const Attachment *attachment);
const char *attachment_state_name(AttachmentState state);
bool attachment_state_parse(const char *text, AttachmentState *ret_state);

Volume *volume_new(void);
void volume_free(Volume *volume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Volume, volume_free)
Attachment *attachment_new(void);
void attachment_free(Attachment *attachment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Attachment, attachment_free)
