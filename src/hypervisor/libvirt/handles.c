/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/handles.h"

#include <sys/epoll.h>

static void
descriptor_free(void *data)
{
    Descriptor *descriptor = data;

    if (descriptor != NULL) {
        g_ptr_array_unref(descriptor->handles);
        g_free(descriptor);
    }
}

void
handles_init(Handles *handles, int epoll_fd)
{
    *handles = (Handles){.epoll_fd = epoll_fd, .next_watch = 1, .next_serial = 1};
    handles->by_watch = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    handles->descriptors = g_ptr_array_new_with_free_func(descriptor_free);
}

void
handles_clear(Handles *handles)
{
    g_hash_table_unref(handles->by_watch);
    g_ptr_array_unref(handles->descriptors);
}

static uint32_t
events_to_epoll(int events)
{
    return ((events & VIR_EVENT_HANDLE_READABLE) ? EPOLLIN : 0U) |
        ((events & VIR_EVENT_HANDLE_WRITABLE) ? EPOLLOUT : 0U) |
        ((events & VIR_EVENT_HANDLE_ERROR) ? EPOLLERR : 0U) |
        ((events & VIR_EVENT_HANDLE_HANGUP) ? EPOLLHUP : 0U);
}

int
handles_events(uint32_t mask)
{
    return ((mask & EPOLLIN) ? VIR_EVENT_HANDLE_READABLE : 0) |
        ((mask & EPOLLOUT) ? VIR_EVENT_HANDLE_WRITABLE : 0) |
        ((mask & EPOLLERR) ? VIR_EVENT_HANDLE_ERROR : 0) |
        ((mask & EPOLLHUP) ? VIR_EVENT_HANDLE_HANGUP : 0);
}

uint32_t
handles_wants(const Descriptor *descriptor)
{
    uint32_t mask = 0;

    for (unsigned int i = 0; i < descriptor->handles->len; i++) {
        Handle *handle = g_ptr_array_index(descriptor->handles, i);
        mask |= events_to_epoll(handle->events);
    }
    return mask;
}

bool
handles_apply(Handles *handles, Descriptor *descriptor)
{
    uint32_t mask = handles_wants(descriptor);

    if (mask == descriptor->mask) {
        return true;
    }
    int operation = descriptor->mask == 0 ? EPOLL_CTL_ADD
        : mask == 0                       ? EPOLL_CTL_DEL
                                          : EPOLL_CTL_MOD;
    struct epoll_event event = {
        .events = mask, .data.u64 = HANDLES_KEY(descriptor->serial, descriptor->fd)};
    descriptor->mask = mask;
    return epoll_ctl(handles->epoll_fd, operation, descriptor->fd, &event) == 0;
}

Handle *
handles_find(const Handles *handles, int watch)
{
    return g_hash_table_lookup(handles->by_watch, GINT_TO_POINTER(watch));
}

Descriptor *
handles_descriptor(const Handles *handles, int fd)
{
    return (unsigned int)fd < handles->descriptors->len
        ? g_ptr_array_index(handles->descriptors, fd)
        : NULL;
}

static Descriptor *
descriptor_ensure(Handles *handles, int fd)
{
    Descriptor *descriptor = handles_descriptor(handles, fd);

    if (descriptor == NULL) {
        descriptor = g_new0(Descriptor, 1);
        descriptor->fd = fd;
        descriptor->serial = handles->next_serial++;
        descriptor->handles = g_ptr_array_new();
        if ((unsigned int)fd >= handles->descriptors->len) {
            g_ptr_array_set_size(handles->descriptors, fd + 1);
        }
        g_ptr_array_index(handles->descriptors, fd) = descriptor;
        handles->n_descriptors++;
    }
    return descriptor;
}

static void
forget(Handles *handles, Descriptor *descriptor, Handle *handle)
{
    g_ptr_array_remove(descriptor->handles, handle);
    handles_apply(handles, descriptor);
    g_hash_table_remove(handles->by_watch, GINT_TO_POINTER(handle->watch));
    if (descriptor->handles->len == 0) {
        g_ptr_array_index(handles->descriptors, descriptor->fd) = NULL;
        handles->n_descriptors--;
        descriptor_free(descriptor);
    }
}

int
handles_add(Handles *handles, const Handle *handle)
{
    g_return_val_if_fail(handle->fd >= 0, -1);
    Descriptor *descriptor = descriptor_ensure(handles, handle->fd);
    Handle *added = g_memdup2(handle, sizeof *handle);

    added->watch = handles->next_watch++;
    g_hash_table_insert(handles->by_watch, GINT_TO_POINTER(added->watch), added);
    g_ptr_array_add(descriptor->handles, added);
    if (handles_apply(handles, descriptor)) {
        return added->watch;
    }
    forget(handles, descriptor, added);
    return -1;
}

bool
handles_remove(Handles *handles, int watch, Handle *removed)
{
    Handle *handle = handles_find(handles, watch);

    if (handle == NULL) {
        return false;
    }
    *removed = *handle;
    forget(handles, handles_descriptor(handles, handle->fd), handle);
    return true;
}
