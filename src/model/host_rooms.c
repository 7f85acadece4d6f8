/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/host_rooms.h"

/* As many flavors as are asked for in turns; beyond, all are asked anew. */
enum { MOST_QUESTIONS = 128 };

/* Records of one kind, by their number and by what they say. */
typedef struct Table {
    GPtrArray *records;  /* at their number - 1 */
    GHashTable *by_text; /* GBytes: all that tells two of them apart -> the record (borrowed) */
} Table;

struct HostRooms {
    GHashTable *topologies; /* text -> HostTopology *, or NULL: it is none */
    GHashTable *devices;    /* text -> GArray of PciDevice */
    Table cells;            /* of HostCells */
    Table left;             /* of HostDevices */
    GHashTable *answers;    /* question -> GByteArray */
};

static void
cells_free(void *data)
{
    HostCells *cells = data;
    g_clear_pointer(&cells->rooms, g_ptr_array_unref);
    g_free(cells);
}

static void
devices_free(void *data)
{
    HostDevices *devices = data;
    g_array_unref(devices->left);
    g_free(devices);
}

static Table
table_new(GDestroyNotify free_record)
{
    return (Table){
        .records = g_ptr_array_new_with_free_func(free_record),
        .by_text = g_hash_table_new_full(
            g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL),
    };
}

static void
table_clear(Table *table)
{
    g_hash_table_unref(table->by_text);
    g_ptr_array_unref(table->records);
}

HostRooms *
host_rooms_new(void)
{
    HostRooms *rooms = g_new0(HostRooms, 1);
    rooms->topologies = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)host_topology_free);
    rooms->devices = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
    rooms->cells = table_new(cells_free);
    rooms->left = table_new(devices_free);
    rooms->answers = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_byte_array_unref);
    return rooms;
}

void
host_rooms_free(HostRooms *rooms)
{
    if (rooms == NULL) {
        return;
    }
    g_hash_table_unref(rooms->answers);
    table_clear(&rooms->left);
    table_clear(&rooms->cells);
    g_hash_table_unref(rooms->devices);
    g_hash_table_unref(rooms->topologies);
    g_free(rooms);
}

unsigned
host_rooms_size(const HostRooms *rooms)
{
    return rooms->cells.records->len + rooms->left.records->len;
}

/* ---- cells ---- */

static const HostTopology *
topology_of(HostRooms *rooms, const char *text)
{
    void *topology = NULL;
    if (text != NULL &&
        !g_hash_table_lookup_extended(rooms->topologies, text, NULL, &topology)) {
        topology = host_topology_parse(text);
        g_hash_table_insert(rooms->topologies, g_strdup(text), topology);
    }
    return topology;
}

static void
put(GByteArray *key, const void *data, size_t size)
{
    g_byte_array_append(key, data, (unsigned)size);
}

/* All that changes in a CellRoom by what is taken; the rest is the topology's. */
static GBytes *
key_of_cells(const HostTopology *host, const GPtrArray *rooms)
{
    GByteArray *key = g_byte_array_new();
    put(key, &host, sizeof host);
    for (unsigned i = 0; rooms != NULL && i < rooms->len; i++) {
        const CellRoom *room = rooms->pdata[i];
        put(key, &room->dedicated, sizeof room->dedicated);
        put(key, &room->memory_mib, sizeof room->memory_mib);
        for (unsigned j = 0; j < room->pages->len; j++) {
            int64_t count = g_array_index(room->pages, CellPages, j).count;
            put(key, &count, sizeof count);
        }
    }
    return g_byte_array_free_to_bytes(key);
}

const HostCells *
host_rooms_read_cells(HostRooms *rooms, const char *topology, const char *taken)
{
    const HostTopology *host = topology_of(rooms, topology);
    g_autoptr(GPtrArray) left = host != NULL ? cell_rooms_new(host, taken) : NULL;
    g_autoptr(GBytes) key = key_of_cells(host, left);
    HostCells *cells = g_hash_table_lookup(rooms->cells.by_text, key);
    if (cells == NULL) {
        cells = g_new0(HostCells, 1);
        cells->host = host;
        cells->rooms = g_steal_pointer(&left);
        g_ptr_array_add(rooms->cells.records, cells);
        cells->number = rooms->cells.records->len;
        g_hash_table_insert(rooms->cells.by_text, g_steal_pointer(&key), cells);
    }
    return cells;
}

const HostCells *
host_rooms_cells(const HostRooms *rooms, unsigned number)
{
    return rooms->cells.records->pdata[number - 1];
}

/* ---- devices ---- */

static const GArray *
devices_of(HostRooms *rooms, const char *text)
{
    const char *known = text != NULL ? text : "";
    GArray *devices = g_hash_table_lookup(rooms->devices, known);
    if (devices == NULL) {
        devices = pci_devices_parse(known);
        g_hash_table_insert(rooms->devices, g_strdup(known), devices);
    }
    return devices;
}

/* What is left is in the order of all: their addresses say which they are. */
static GBytes *
key_of_devices(const GArray *all, const GArray *left)
{
    GByteArray *key = g_byte_array_new();
    put(key, &all, sizeof all);
    for (unsigned i = 0; i < left->len; i++) {
        const PciDevice *device = &g_array_index(left, PciDevice, i);
        put(key, device->address, sizeof device->address);
    }
    return g_byte_array_free_to_bytes(key);
}

const HostDevices *
host_rooms_read_devices(HostRooms *rooms, const char *devices, const char *taken)
{
    const GArray *all = devices_of(rooms, devices);
    g_autoptr(GArray) left = pci_free_devices(all, taken);
    g_autoptr(GBytes) key = key_of_devices(all, left);
    HostDevices *found = g_hash_table_lookup(rooms->left.by_text, key);
    if (found == NULL) {
        found = g_new0(HostDevices, 1);
        found->all = all;
        found->left = g_steal_pointer(&left);
        g_ptr_array_add(rooms->left.records, found);
        found->number = rooms->left.records->len;
        g_hash_table_insert(rooms->left.by_text, g_steal_pointer(&key), found);
    }
    return found;
}

const HostDevices *
host_rooms_devices(const HostRooms *rooms, unsigned number)
{
    return rooms->left.records->pdata[number - 1];
}

/* ---- answers ---- */

GByteArray *
host_rooms_answers(HostRooms *rooms, const char *question)
{
    GByteArray *answers = g_hash_table_lookup(rooms->answers, question);
    if (answers == NULL) {
        if (g_hash_table_size(rooms->answers) >= MOST_QUESTIONS) {
            g_hash_table_remove_all(rooms->answers);
        }
        answers = g_byte_array_new();
        g_hash_table_insert(rooms->answers, g_strdup(question), answers);
    }
    return g_byte_array_ref(answers);
}
