/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What an event loop watches: libvirt's handles, gathered by descriptor, and what epoll knows of
 * them. libvirt may register a descriptor several times, for different events; epoll may not. Not
 * locked: the loop holds its lock around every function. */
#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

/* What epoll gives back: serial and number of a descriptor; serials begin at 1. */
#define HANDLES_KEY(serial, fd) ((uint64_t)(serial) << 32 | (uint32_t)(fd))
#define HANDLES_KEY_FD(key) ((int)((key) & UINT32_MAX))

/* One registration. */
typedef struct Handle {
    int watch;
    int fd;
    int events; /* of virEventHandleType; 0 = switched off */
    virEventHandleCallback callback;
    void *data;
    virFreeCallback free_data;
} Handle;

/* What epoll knows of a descriptor: the sum of its handles. */
typedef struct Descriptor {
    int fd;
    uint32_t serial;    /* tells an event of an earlier descriptor of the same number apart */
    uint32_t mask;      /* as given to epoll; 0 = not in the set, else EPOLLHUP would spin */
    GPtrArray *handles; /* of Handle */
} Descriptor;

typedef struct Handles {
    int epoll_fd; /* not owned */
    int next_watch;
    uint32_t next_serial;
    unsigned int n_descriptors;
    GHashTable *by_watch;   /* int -> Handle */
    GPtrArray *descriptors; /* by number; NULL = not watched */
} Handles;

void handles_init(Handles *handles, int epoll_fd);
void handles_clear(Handles *handles);

/* Adds a copy under a watch of its own. The watch, or -1 for a descriptor that epoll does not take,
 * such as a plain file. */
int handles_add(Handles *handles, const Handle *handle);
/* NULL = there is none. */
Handle *handles_find(const Handles *handles, int watch);
/* NULL = not watched. */
Descriptor *handles_descriptor(const Handles *handles, int fd);
/* Fills removed; false = there was none. */
bool handles_remove(Handles *handles, int watch, Handle *removed);

/* The events of epoll that its handles want together. */
uint32_t handles_wants(const Descriptor *descriptor);
/* Tells epoll, if it does not know. */
bool handles_apply(Handles *handles, Descriptor *descriptor);
/* epoll's events as those of virEventHandleType. */
int handles_events(uint32_t mask);
