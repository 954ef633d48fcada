#define _GNU_SOURCE

#include "CPostgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

struct CPostgresLibrary millrace_libpq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *problem;
static char problem_text[256];

static void load(void) {
    void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(problem_text, sizeof problem_text, "libpq cannot be loaded (%s): apt-get install libpq5", dlerror());
        problem = problem_text;
        return;
    }
#define CPOSTGRES_FIND(result, name, parameters, arguments)                                                 \
    if (!(*(void **)&millrace_libpq.name = dlsym(handle, #name))) {                                         \
        snprintf(problem_text, sizeof problem_text, "libpq is too old: it has no %s (14 is needed)", #name); \
        problem = problem_text;                                                                             \
        return;                                                                                             \
    }
    CPOSTGRES_FUNCTIONS(CPOSTGRES_FIND)
#undef CPOSTGRES_FIND
}

const char *millrace_load_libpq(void) {
    pthread_once(&once, load);
    return problem;
}
