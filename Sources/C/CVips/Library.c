#define _GNU_SOURCE

#include "CVips.h"
#include "Library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CVipsLibrary cvips;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *problem;
static char problem_text[512];
static atomic_bool loaded;

// libvips logs what it also returns as errors, and warnings of pictures that it then reads well; neither is for a
// service's standard error.
static void drop_message(const char *domain, int level, const char *message, void *data) {
    (void)domain;
    (void)level;
    (void)message;
    (void)data;
}

static int find_symbols(void *handle) {
    // The handle also finds what libvips itself depends on: GLib and GObject.
#define CVIPS_FIND(result, name, arguments)                                                                  \
    if (!(*(void **)&cvips.name = dlsym(handle, #name))) {                                                   \
        snprintf(problem_text, sizeof problem_text, "libvips is too old: it has no %s (8.12 is needed)", #name); \
        return -1;                                                                                           \
    }
    CVIPS_SYMBOLS(CVIPS_FIND)
#undef CVIPS_FIND
    return 0;
}

// Debian's libvips loads ImageMagick, Poppler, OpenSlide and more as modules when it starts: 20 ms and 10 MB for formats
// that Millrace does not read. A prefix without modules is the only way to have none, and vips_init would set this
// variable anyway (to its own prefix), so that setting it adds no race that was not there.
static int start_without_modules(void) {
    const char *name = "VIPSHOME";
    int is_ours = getenv(name) == NULL;
    if (is_ours) setenv(name, "/dev/null", 1);
    int result = cvips.vips_init("millrace");
    if (is_ours) unsetenv(name);
    return result;
}

static void load(void) {
    problem = problem_text;
    void *handle = dlopen("libvips.so.42", RTLD_LAZY | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        // Another library that is missing is told apart from libvips itself.
        if (why && !strstr(why, "libvips.so.42: cannot open")) {
            snprintf(problem_text, sizeof problem_text, "libvips cannot be loaded: %s", why);
        } else {
            snprintf(problem_text, sizeof problem_text, "libvips is not installed: apt-get install libvips42");
        }
        return;
    }
    if (find_symbols(handle)) return;
    int major = cvips.vips_version(0), minor = cvips.vips_version(1);
    if (major != 8 || minor < 12) {
        snprintf(problem_text, sizeof problem_text, "libvips is of version %d.%d: 8.12 or a later 8 is needed", major,
                 minor);
        return;
    }
    cvips.g_log_set_handler("VIPS", G_LOG_EVERYTHING_RECOVERABLE, drop_message, NULL);
    if (start_without_modules()) {
        char *errors = cvips_take_errors();
        snprintf(problem_text, sizeof problem_text, "libvips does not start: %s", errors ? errors : "no reason given");
        free(errors);
        return;
    }
    // A machine is filled with replicas, not with threads of one: a second thread shortens a step by little (decoding
    // and encoding are serial), costs memory in each replica, and takes a core that another replica was scaled up for.
    cvips.vips_concurrency_set(1);
    // The cache of operations would keep pictures of steps that have ended, and would find a file that has changed
    // under the same name.
    cvips.vips_cache_set_max(0);
    problem = NULL;
    atomic_store(&loaded, true);
}

const char *cvips_load(void) {
    pthread_once(&once, load);
    return problem;
}

bool cvips_is_loaded(void) { return atomic_load(&loaded); }

char *cvips_take_errors(void) {
    if (!cvips.vips_error_buffer_copy) return NULL;
    char *text = cvips.vips_error_buffer_copy();
    cvips.vips_error_clear();
    char *copy = text && *text ? strdup(text) : NULL;
    cvips.g_free(text);
    return copy;
}

void cvips_end_thread(void) {
    if (cvips_is_loaded()) cvips.vips_thread_shutdown();
}
