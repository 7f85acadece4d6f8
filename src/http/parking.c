/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "http/internal.h"

static GMutex lock;

void
http_parking_lock(void)
{
    g_mutex_lock(&lock);
}

void
http_parking_unlock(void)
{
    g_mutex_unlock(&lock);
}

bool
http_parking_park(HttpParking *parking)
{
    g_assert(!parking->is_parked);
    if (parking->lot->is_closed) {
        return false;
    }
    parking->is_parked = true;
    g_hash_table_add(parking->lot->parked, parking);
    MHD_suspend_connection(parking->connection);
    return true;
}

void
http_parking_wake(HttpParking *parking)
{
    if (parking->is_parked) {
        parking->is_parked = false;
        g_hash_table_remove(parking->lot->parked, parking);
        MHD_resume_connection(parking->connection);
    }
}

void
http_lot_close(HttpLot *lot)
{
    http_parking_lock();
    lot->is_closed = true;
    GHashTableIter iterator;
    void *key;
    g_hash_table_iter_init(&iterator, lot->parked);
    while (g_hash_table_iter_next(&iterator, &key, NULL)) {
        HttpParking *parking = key;
        parking->is_parked = false;
        g_hash_table_iter_remove(&iterator);
        MHD_resume_connection(parking->connection);
    }
    http_parking_unlock();
}
