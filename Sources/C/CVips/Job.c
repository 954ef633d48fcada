#include "Job.h"

#include <pthread.h>
#include <stdlib.h>

// The longest way of a picture makes fewer images than this.
enum { CAPACITY = 32 };

struct CVipsJob {
    // Over `cancelled` and the list of images, which `cvips_job_cancel` reads from another thread.
    pthread_mutex_t lock;
    bool cancelled;
    VipsImage *images[CAPACITY];
    int count;
    // Of the working thread alone.
    VipsSource *source;
};

CVipsJob *cvips_job_new(void) {
    CVipsJob *job = calloc(1, sizeof *job);
    if (job) pthread_mutex_init(&job->lock, NULL);
    return job;
}

void cvips_job_clear(CVipsJob *job) {
    pthread_mutex_lock(&job->lock);
    int count = job->count;
    job->count = 0;
    pthread_mutex_unlock(&job->lock);
    // The last depends on those before it.
    while (count > 0) cvips.g_object_unref(job->images[--count]);
    if (job->source) cvips.g_object_unref(job->source);
    job->source = NULL;
}

void cvips_job_free(CVipsJob *job) {
    if (!job) return;
    cvips_job_clear(job);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

void cvips_job_cancel(CVipsJob *job) {
    pthread_mutex_lock(&job->lock);
    job->cancelled = true;
    // Whichever of them is being read now fails at its next tile. All, since libvips clears the mark of an image when
    // that one begins to be evaluated, and when it has been seen.
    for (int i = 0; i < job->count; i++) cvips.vips_image_set_kill(job->images[i], 1);
    pthread_mutex_unlock(&job->lock);
}

bool cvips_job_is_cancelled(CVipsJob *job) {
    pthread_mutex_lock(&job->lock);
    bool cancelled = job->cancelled;
    pthread_mutex_unlock(&job->lock);
    return cancelled;
}

VipsImage *cvips_job_current(CVipsJob *job) { return job->count > 0 ? job->images[job->count - 1] : NULL; }

int cvips_job_adopt(CVipsJob *job, int result, VipsImage *image) {
    if (result || !image) return -1;
    pthread_mutex_lock(&job->lock);
    bool taken = !job->cancelled && job->count < CAPACITY;
    if (taken) job->images[job->count++] = image;
    pthread_mutex_unlock(&job->lock);
    if (taken) return 0;
    cvips.g_object_unref(image);
    cvips.vips_error("millrace", "%s", "cancelled, or too many operations");
    return -1;
}

VipsSource *cvips_job_restart(CVipsJob *job, const char *path) {
    cvips_job_clear(job);
    return job->source = cvips.vips_source_new_from_file(path);
}
