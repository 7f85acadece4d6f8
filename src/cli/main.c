/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover: the command line. Everything it knows it asks over HTTP. */
#include "cli/command.h"

#include <curl/curl.h>
#include <locale.h>

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = command_main(argc, argv);
    curl_global_cleanup();
    return code;
}
