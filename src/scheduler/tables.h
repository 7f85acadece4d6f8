/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The two tables: what a host is checked for, and what it is weighed by. Their functions are in
 * checks.c and weighers.c. */

/* NAME, name in texts, the filter that switches it off (NONE: nothing does); in the order in which
 * they are made: the first failure is the one told. */
#define PLACEMENT_CHECKS(X)                                                                        \
    X(REQUESTED, "requested", NONE)   /* it is the host that was asked for, if one was */          \
    X(NOT_SOURCE, "not-source", NONE) /* the instance is not on it already */                      \
    X(ZONE, "zone", NONE)             /* it is in the zone that was asked for, if one was */       \
    X(CELL, "cell", NONE)             /* it is in the cell of the source: nothing leaves one */    \
    X(POOL, "pool", NONE)             /* it is in the pool of the source, or may be copied to */   \
    X(TENANT, "tenant", TENANCY)      /* its aggregates keep it for nobody else's projects */      \
    X(EXTRA_SPECS, "extra-specs", EXTRA_SPECS) /* they say what the flavor asks for */             \
    X(FLAVOR, "flavor", FLAVOR)       /* they are for this flavor, if for any one */               \
    X(IMAGE_ISOLATION, "image-isolation", IMAGE_ISOLATION) /* they say what the image says */      \
    X(ALIVE, "alive", NONE)           /* nobody has said, or seen to it, that it is dead */        \
    X(UP, "up", COMPUTE)                                                                           \
    X(ENABLED, "enabled", COMPUTE)                                                                 \
    X(CONNECTED, "connected", NONE)                                                                \
    X(FACTS, "facts", NONE) /* it has said what it is and has */                                   \
    X(ARCH, "arch", NONE)                                                                          \
    X(VERSION, "version", NONE) /* its hypervisor is not older than the source's */                \
    X(VERSION_SAFE, "version-safe", NONE) /* guests survive the way from the source's */           \
    X(IMAGE_PROPERTIES, "image-properties", IMAGE_PROPERTIES) /* it is what the image is for */    \
    X(FIRMWARE, "firmware", NONE) /* it has what the guest boots with, UEFI if anything */         \
    X(TPM, "tpm", NONE)           /* it has an emulated TPM, if the guest has one and runs */      \
    X(NETWORKS, "networks", NONE) /* it has the bridges of its ports */                            \
    X(VOLUMES, "volumes", NONE)   /* it has the storage pools that its volumes lie in */           \
    X(VIRT_TYPE, "virt-type", NONE) /* it has KVM, if the guest runs in it */                      \
    X(GUEST, "guest", NONE)       /* nothing of the guest keeps it where it runs */                \
    X(CPU, "cpu", NONE) /* it can give the guest its platform: processor and machine type */       \
    X(REFUSED, "destination-check", NONE) /* it was asked, and can run the guest */                \
    X(REHEARSAL, "rehearsal", NONE) /* a twin of the guest started there, if that was tried */     \
    X(CANARY, "canary", NONE)     /* the last canary got there from the source, if one was sent */ \
    X(POST_COPY, "post-copy", NONE) /* its kernel can, where guests are to; else a warning */      \
    X(NUMA_FILTERS, "numa-filters", NONE) /* what a pinned guest's live move asks for */          \
    X(RAM, "ram", NONE)                                                                            \
    X(VCPUS, "vcpus", NONE)                                                                        \
    X(DEDICATED_CPUS, "dedicated-cpus", NONE) /* processors of its own, if it is pinned */         \
    X(HUGE_PAGES, "huge-pages", NONE)                                                              \
    X(NUMA, "numa", NONE)           /* both, and memory, in as many cells as it asks for */        \
    X(PCI_DEVICES, "pci-devices", NONE) /* those of its aliases; none goes along live */           \
    X(STORAGE, "storage", NONE)     /* it shares the source's, or not, as the move asks for */     \
    X(DISK, "disk", NONE)           /* what is promised to instances */                            \
    X(DISK_FREE, "disk-free", NONE) /* what is really free in the pool */                          \
    X(INSTANCES, "instances", NUM_INSTANCES)                                                       \
    X(AGGREGATE_INSTANCES, "aggregate-instances", AGGREGATE_NUM_INSTANCES)                         \
    X(IO_OPS, "io-ops", IO_OPS) /* not too many are being made there or moved */                   \
    X(AGGREGATE_IO_OPS, "aggregate-io-ops", AGGREGATE_IO_OPS)                                      \
    X(AFFINITY, "affinity", NONE) /* the others of its server group are there */                   \
    X(ANTI_AFFINITY, "anti-affinity", NONE) /* not too many of them are */                         \
    X(SAME_HOST, "same-host", SAME_HOST) /* one that its hint names is there */                    \
    X(DIFFERENT_HOST, "different-host", DIFFERENT_HOST) /* none that its hint names is */          \
    X(RAM_FREE, "ram-free", NONE) /* what is really free. The last: whoever fails nothing else is  \
                                   * asked again before it is a no */

typedef enum {
#define X(name, text, filter) PLACEMENT_CHECK_##name,
    PLACEMENT_CHECKS(X)
#undef X
        PLACEMENT_N_CHECKS,
} PlacementCheck;
const char *placement_check_name(PlacementCheck check);
/* Nova's name of the filter that makes this check; NULL: it is always made. */
const char *placement_check_filter(PlacementCheck check);

/* What a failed check lacks, for whoever acts on a reason and does not read it. */
typedef enum {
    PLACEMENT_LACKS_HOST,   /* the host is not there, or not to be used */
    PLACEMENT_LACKS_ROOM,   /* of anything that is counted */
    PLACEMENT_LACKS_GROUP,  /* what its server group asks for */
    PLACEMENT_LACKS_OTHERS, /* what the host is, or what somebody has said of it */
} PlacementLack;
PlacementLack placement_check_lack(PlacementCheck check);

/* NAME, Nova's name of it, Nova's key of its multiplier; what more of is better. */
#define PLACEMENT_WEIGHERS(X)                                                                      \
    X(RAM, "RAMWeigher", "ram_weight_multiplier")                                                  \
    X(CPU, "CPUWeigher", "cpu_weight_multiplier")                                                  \
    X(DISK, "DiskWeigher", "disk_weight_multiplier")                                               \
    X(INSTANCES, "NumInstancesWeigher", "num_instances_weight_multiplier")                         \
    X(IO_OPS, "IoOpsWeigher", "io_ops_weight_multiplier")                                          \
    X(SOFT_AFFINITY, "ServerGroupSoftAffinityWeigher", "soft_affinity_weight_multiplier")          \
    X(SOFT_ANTI_AFFINITY, "ServerGroupSoftAntiAffinityWeigher",                                    \
        "soft_anti_affinity_weight_multiplier")

typedef enum {
#define X(name, text, key) PLACEMENT_WEIGHER_##name,
    PLACEMENT_WEIGHERS(X)
#undef X
        PLACEMENT_N_WEIGHERS,
} PlacementWeigher;
const char *placement_weigher_name(PlacementWeigher weigher);
const char *placement_weigher_key(PlacementWeigher weigher);
