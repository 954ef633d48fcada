#define _GNU_SOURCE
#include "SpawnJob.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

// Some system calls of the child, and their locals; only touched pages count.
#define STACK_SIZE (32UL << 10)

static size_t size_of(char *const *strings, int *count) {
    size_t size = 0;
    for (*count = 0; strings[*count]; ++*count) size += strlen(strings[*count]) + 1;
    return size + (size_t)(*count + 1) * sizeof(char *);
}

static char *copy(char **end, const char *text) {
    char *start = *end;
    *end = stpcpy(start, text) + 1;
    return start;
}

/// The job with all that it points to, in one new mapping of `size` bytes: the structure, strings, the child's stack.
static struct job *make_job(const struct millrace_spawn_request *request, size_t *size) {
    int argument_count, variable_count;
    size_t texts = size_of(request->arguments, &argument_count) + size_of(request->environment, &variable_count)
                   + strlen(request->path) + 1 + (request->folder ? strlen(request->folder) + 1 : 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *size = ((sizeof(struct job) + texts + page - 1) & ~(page - 1)) + STACK_SIZE;
    struct job *job = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (job == MAP_FAILED) return NULL;

    job->stage = MILLRACE_SPAWN_FORK;
    job->arguments = (char **)(job + 1);
    job->environment = job->arguments + argument_count + 1;
    char *end = (char *)(job->environment + variable_count + 1);
    for (int i = 0; i < argument_count; i++) job->arguments[i] = copy(&end, request->arguments[i]);
    for (int i = 0; i < variable_count; i++) job->environment[i] = copy(&end, request->environment[i]);
    job->path = copy(&end, request->path);
    job->folder = request->folder ? copy(&end, request->folder) : NULL;
    for (int i = 0; i < request->descriptor_count; i++) job->descriptors[i] = request->descriptors[i];
    job->descriptor_count = request->descriptor_count;
    job->guardian = request->guardian;
    job->has_own_group = request->has_own_group;
    strcpy(job->clear_refs, "/proc/self/clear_refs");
    strcpy(job->peak, "5");
    job->ignore[0] = (uintptr_t)SIG_IGN;
    if (request->descriptor_limit > 0 && getrlimit(RLIMIT_NOFILE, &job->descriptor_limit) == 0)
        job->descriptor_limit.rlim_cur = request->descriptor_limit;
    return job;
}

/// Starts the child and sleeps until it runs its program or has failed: whether it shares memory or not.
static pid_t start(struct job *job, size_t size, int flags) {
    return clone(millrace_become_program, (char *)job + size, flags | CLONE_VFORK | SIGCHLD, job);
}

/// Starts it with memory of its own. Returns 0 when that cannot be done here; nothing has been announced then.
static pid_t start_forked(struct job *job, size_t size) {
    // One at a time: what one has spared another's end would not.
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    job->is_forked = millrace_plan_memory(job);
    pid_t child = job->is_forked ? start(job, size, 0) : 0;
    millrace_unspare_memory(job);
    pthread_mutex_unlock(&lock);
    if (child > 0 && !job->has_begun) {
        // It has not survived the loss of something that this machine needs there.
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        child = 0;
    }
    job->is_forked = child > 0;
    return child > 0 ? child : 0;
}

int millrace_spawn(const struct millrace_spawn_request *request, struct millrace_spawned *result) {
    *result = (struct millrace_spawned){.stage = MILLRACE_SPAWN_DESCRIPTORS};
    if (request->descriptor_count < 0 || request->descriptor_count > DESCRIPTOR_LIMIT) return EINVAL;
    result->stage = MILLRACE_SPAWN_FORK;
    size_t size;
    struct job *job = make_job(request, &size);
    if (!job) return errno;

    // No handler may run in the child while it shares this memory, nor may this thread be cancelled on the way.
    sigset_t all, before;
    sigfillset(&all);
    int cancellation;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    pthread_sigmask(SIG_SETMASK, &all, &before);

    // In the parent's memory where nobody asks for the peak: that is the quickest, whatever the parent's size.
    pid_t child = request->is_metered ? start_forked(job, size) : 0;
    if (child == 0) child = start(job, size, CLONE_VM);
    int error = child < 0 ? errno : job->error;

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_setcancelstate(cancellation, NULL);
    *result = (struct millrace_spawned){
        .pid = child < 0 ? 0 : child, .stage = job->stage, .has_exact_peak = job->is_forked && job->is_exact};
    munmap(job, size);
    return error;
}
