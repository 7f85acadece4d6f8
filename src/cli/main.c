/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover: the command line. Everything it knows it asks over HTTP. */
#include "cli/command.h"

#include <curl/curl.h>
#include <errno.h>
#include <glib.h>
#include <locale.h>
#include <stdio.h>

/* What is printed into a file may find no room there: then it is not done. */
static int
check_output(int code)
{
    int problem = fflush(stdout) != 0 ? errno : EIO;
    if (!ferror(stdout)) {
        return code;
    }
    fprintf(stderr, "drover: not all of it could be written to standard output: %s\n",
        g_strerror(problem));
    return code != 0 ? code : 1;
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = check_output(command_main(argc, argv));
    curl_global_cleanup();
    return code;
}
