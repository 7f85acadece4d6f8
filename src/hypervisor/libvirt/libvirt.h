/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Real hosts, over libvirt. The only folder that includes <libvirt/libvirt.h>. */
#include "hypervisor/driver.h"

/* The processor of new guests: cpu.h. The three are owned. */
typedef struct LibvirtCpu {
    char *mode;
    char **models; /* of mode "custom", in order of preference; NULL = none */
    char **flags;  /* "+pcid", "-pcid"; NULL = none */
} LibvirtCpu;

/* What holds for that host at the moment; any thread. The caller clears it. */
typedef LibvirtCpu (*LibvirtFindCpu)(const char *host, void *data);

typedef struct LibvirtOptions {
    const char *pki_path;     /* droverd's own certificates, put into the control URI only */
    int keepalive_interval_s; /* 6 */
    int keepalive_count;      /* 2 */
    int connect_timeout_ms;   /* of the probe before the open: 5000 */
    bool with_tls;            /* migration data and disks: true */
    LibvirtFindCpu find_cpu;  /* NULL: mode "" everywhere */
    void *find_cpu_data;      /* outlives the process's last call of a host */
    bool vnc_enabled;         /* new guests get a VNC console */
    const char *vnc_listen;   /* where each listens, on whatever host; NULL = as it was made */
    bool spice_enabled;
    const char *spice_listen;
    bool with_pci_devices;    /* hosts are asked for theirs */
    const char *tpm_key;      /* what secrets of TPMs are made from; NULL: guests have none */
    const char *virt_type;    /* "kvm", "qemu" or "" = what the host offers */
} LibvirtOptions;

/* Registers the event loop (epoll and a timer heap, on a thread of its own) once per process. */
Hypervisor *libvirt_hypervisor_new(const LibvirtOptions *options, GError **error);
