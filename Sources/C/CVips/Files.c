#include "Job.h"

// Each format's own loader is called, not the one that libvips would guess: a file is never read as anything other than
// what was found out and allowed, and names with `[…]` in them are names, not options.

int cvips_open(CVipsJob *job, const char *path, CVipsFormat format, int shrink) {
    VipsSource *source = cvips_job_restart(job, path);
    if (!source) return -1;
    VipsImage *out = NULL;
    int result = -1;
#define FROM_TOP_TO_BOTTOM "access", VIPS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL
    switch (format) {
    case CVIPS_JPEG:
        result = cvips.vips_jpegload_source(source, &out, "shrink", shrink, FROM_TOP_TO_BOTTOM);
        break;
    case CVIPS_PNG: result = cvips.vips_pngload_source(source, &out, FROM_TOP_TO_BOTTOM); break;
    case CVIPS_WEBP: result = cvips.vips_webpload_source(source, &out, FROM_TOP_TO_BOTTOM); break;
    case CVIPS_TIFF: result = cvips.vips_tiffload_source(source, &out, FROM_TOP_TO_BOTTOM); break;
    case CVIPS_GIF: result = cvips.vips_gifload_source(source, &out, FROM_TOP_TO_BOTTOM); break;
    }
#undef FROM_TOP_TO_BOTTOM
    return cvips_job_adopt(job, result, out);
}

int cvips_save(CVipsJob *job, const char *path, CVipsFormat format, int quality) {
    VipsImage *in = cvips_job_current(job);
    if (!in) return -1;
    switch (format) {
    case CVIPS_JPEG: return cvips.vips_jpegsave(in, path, "Q", quality, NULL);
    case CVIPS_PNG: return cvips.vips_pngsave(in, path, NULL);
    case CVIPS_WEBP: return cvips.vips_webpsave(in, path, "Q", quality, NULL);
    case CVIPS_TIFF:
        return cvips.vips_tiffsave(in, path, "compression", VIPS_TIFF_DEFLATE, "predictor", VIPS_TIFF_HORIZONTAL, NULL);
    case CVIPS_GIF: break;
    }
    cvips.vips_error("millrace", "%s", "this format is not written");
    return -1;
}

unsigned char *cvips_pixels(CVipsJob *job, size_t *size) {
    VipsImage *in = cvips_job_current(job);
    return in ? cvips.vips_image_write_to_memory(in, size) : NULL;
}

void cvips_free_pixels(unsigned char *pixels) { cvips.g_free(pixels); }
