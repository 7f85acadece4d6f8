/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "api/microversion.h"
#include <string.h>

/* "2.53" -> 2, 53. No leading zeros, no signs: Nova's ^([1-9]\d*)\.([1-9]\d*|0)$ */
static bool
parse_number(const char **text, int *ret_number)
{
    const char *digits = *text;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 6 || (digits[0] == '0' && length > 1)) {
        return false;
    }
    *ret_number = (int)g_ascii_strtoll(digits, NULL, 10);
    *text = digits + length;
    return true;
}

static bool
parse_version(const char *text, int *ret_major, int *ret_minor)
{
    int major;
    int minor;
    if (!parse_number(&text, &major) || major == 0 || *text != '.') {
        return false;
    }
    text++;
    if (!parse_number(&text, &minor) || *text != '\0') {
        return false;
    }
    *ret_major = major;
    *ret_minor = minor;
    return true;
}

static const char *
version_type(const Service *service)
{
    return service->version_type != NULL ? service->version_type : service->type;
}

/* The version that the new-style header names for this service, or NULL. */
static char *
find_in_new_header(const Service *service, const char *header)
{
    if (header == NULL) {
        return NULL;
    }
    g_auto(GStrv) items = g_strsplit(header, ",", 8);
    for (char **item = items; *item != NULL; item++) {
        g_auto(GStrv) words = g_strsplit_set(g_strstrip(*item), " \t", 2);
        if (words[0] != NULL && g_ascii_strcasecmp(words[0], version_type(service)) == 0) {
            return g_strdup(words[1] == NULL ? "" : g_strstrip(words[1]));
        }
    }
    return NULL;
}

MicroversionResult
microversion_negotiate(const Service *service, const char *new_header, const char *legacy_header,
    int *ret_minor, char **ret_text)
{
    int major;
    int minor;
    if (service->major == 0) {
        *ret_minor = 0;
        return MICROVERSION_OK;
    }
    g_autofree char *text = find_in_new_header(service, new_header);
    if (text == NULL && service->legacy_version_header != NULL && legacy_header != NULL) {
        text = g_strstrip(g_strdup(legacy_header));
    }
    if (text == NULL) {
        *ret_minor = service->min_minor;
        return MICROVERSION_OK;
    }
    if (g_ascii_strcasecmp(text, "latest") == 0) {
        *ret_minor = service->max_minor;
        return MICROVERSION_OK;
    }
    if (!parse_version(text, &major, &minor)) {
        *ret_text = g_steal_pointer(&text);
        return MICROVERSION_MALFORMED;
    }
    if (major != service->major || minor < service->min_minor || minor > service->max_minor) {
        *ret_text = g_steal_pointer(&text);
        return MICROVERSION_UNACCEPTABLE;
    }
    *ret_minor = minor;
    return MICROVERSION_OK;
}

void
microversion_set_headers(const Service *service, int minor, HttpResponse *response)
{
    if (service->major == 0) {
        return;
    }
    g_autofree char *version = g_strdup_printf("%d.%d", service->major, minor);
    g_autofree char *value = g_strdup_printf("%s %s", version_type(service), version);
    http_response_set_header(response, "OpenStack-API-Version", value);
    if (service->legacy_version_header == NULL) {
        http_response_set_header(response, "Vary", "OpenStack-API-Version");
        return;
    }
    http_response_set_header(response, service->legacy_version_header, version);
    g_autofree char *vary =
        g_strdup_printf("OpenStack-API-Version, %s", service->legacy_version_header);
    http_response_set_header(response, "Vary", vary);
}
