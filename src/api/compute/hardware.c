/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* What a flavor's extra specs and an image's properties ask for beside processors, memory and disk.
 * Sources: Nova, "Extra specs" (hw:tpm_*, pci_passthrough:alias) and Glance, "Useful image
 * properties" (hw_firmware_type, hw_tpm_*). */
#include "api/compute/compute.h"
#include "scheduler/pci.h"

#include <string.h>

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Both may say it, and must then say the same. */
static bool
read_either(const json_t *specs, const char *spec, const json_t *properties, const char *property,
    const char **ret_value, GError **error)
{
    const char *of_flavor = text_of(specs, spec);
    const char *of_image = text_of(properties, property);

    if (of_flavor != NULL && of_image != NULL && strcmp(of_flavor, of_image) != 0) {
        return error_set(error, ERROR_INVALID,
            "Invalid virtual TPM config: flavor %s is '%s' and image %s is '%s'", spec, of_flavor,
            property, of_image);
    }
    *ret_value = of_flavor != NULL ? of_flavor : of_image;
    return true;
}

static bool
read_tpm(const ApiContext *context, const json_t *specs, const json_t *properties,
    GuestHardware *hardware, GError **error)
{
    const char *version = NULL;
    const char *model = NULL;

    if (!read_either(
            specs, "hw:tpm_version", properties, "hw_tpm_version", &version, error) ||
        !read_either(specs, "hw:tpm_model", properties, "hw_tpm_model", &model, error)) {
        return false;
    }
    if (version == NULL && model == NULL) {
        return true;
    }
    model = model != NULL ? model : "tpm-tis";
    bool is_version = g_strcmp0(version, "1.2") == 0 || g_strcmp0(version, "2.0") == 0;
    bool is_model = strcmp(model, "tpm-tis") == 0 || strcmp(model, "tpm-crb") == 0;
    bool fits = strcmp(model, "tpm-crb") != 0 || g_strcmp0(version, "2.0") == 0;
    if (!is_version || !is_model || !fits) {
        return error_set(error, ERROR_INVALID,
            "Invalid virtual TPM config: version '%s' with model '%s'; there are 1.2 and 2.0, "
            "tpm-tis, and for 2.0 tpm-crb",
            version != NULL ? version : "none", model);
    }
    if (!context->options->swtpm_enabled) {
        return error_set(error, ERROR_INVALID,
            "An instance with a TPM was asked for, and there is no key for its secret: set "
            "[libvirt] swtpm_enabled = true");
    }
    hardware->tpm_version = g_strdup(version);
    hardware->tpm_model = g_strdup(model);
    return true;
}

static bool
read_firmware(const json_t *properties, GuestHardware *hardware, GError **error)
{
    const char *type = text_of(properties, "hw_firmware_type");

    if (type == NULL || strcmp(type, "bios") == 0) {
        return true;
    }
    hardware->firmware = g_strdup(type);
    return strcmp(type, "uefi") == 0 ||
        error_set(error, ERROR_INVALID,
            "Invalid input for image property hw_firmware_type: '%s' is neither bios nor uefi",
            type);
}

/* What an image asks of processors and pages is not looked at when its instances move: the flavor
 * has to say it too. */
static bool
check_image(const json_t *specs, const json_t *properties, GError **error)
{
    static const char *const names[][2] = {
        {"hw_cpu_policy", "hw:cpu_policy"},
        {"hw_cpu_thread_policy", "hw:cpu_thread_policy"},
        {"hw_numa_nodes", "hw:numa_nodes"},
        {"hw_mem_page_size", "hw:mem_page_size"},
        {"hw_emulator_threads_policy", "hw:emulator_threads_policy"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = text_of(properties, names[i][0]);
        if (value != NULL && g_strcmp0(value, text_of(specs, names[i][1])) != 0) {
            return error_set(error, ERROR_INVALID,
                "Image property %s = '%s' must be the flavor's as well: set its extra spec %s",
                names[i][0], value, names[i][1]);
        }
    }
    return true;
}

bool
compute_check_specs(const ApiContext *context, const Flavor *flavor, GError **error)
{
    const char *aliases = context->options->placement.pci_aliases;
    NumaRequest request;

    return pci_request_check(flavor->extra_specs_json, aliases, error) && numa_request_read(
        flavor->extra_specs_json, flavor->vcpus, flavor->ram_mib, &request, error);
}

bool
compute_read_hardware(const ApiContext *context, const Flavor *flavor, const json_t *properties,
    GuestHardware *ret_hardware, GError **error)
{
    json_auto_t *specs = compute_parse_stored(flavor->extra_specs_json);

    return check_image(specs, properties, error) && compute_check_specs(context, flavor, error) &&
        read_tpm(context, specs, properties, ret_hardware, error) &&
        read_firmware(properties, ret_hardware, error);
}
