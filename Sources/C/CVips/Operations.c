#include "Job.h"

#include <stdint.h>

/// Runs an operation on the current image, and makes its output the current one.
#define OPERATE(job, call)                             \
    do {                                               \
        VipsImage *in = cvips_job_current(job);        \
        VipsImage *out = NULL;                         \
        if (!in) return -1;                            \
        int result = (call);                           \
        return cvips_job_adopt((job), result, out);    \
    } while (0)

static const int bits_of_format[] = {8, 8, 16, 16, 32, 32, 32, 64, 64, 128};

int cvips_info(CVipsJob *job, CVipsInfo *info) {
    VipsImage *image = cvips_job_current(job);
    if (!image) return -1;
    int format = cvips.vips_image_get_format(image);
    int space = cvips.vips_image_guess_interpretation(image);
    info->width = cvips.vips_image_get_width(image);
    info->height = cvips.vips_image_get_height(image);
    info->bands = cvips.vips_image_get_bands(image);
    info->bits = format >= 0 && format < 10 ? bits_of_format[format] : 0;
    info->orientation = cvips.vips_image_get_orientation(image);
    info->alpha = cvips.vips_image_hasalpha(image);
    info->grey = space == VIPS_B_W || space == VIPS_GREY16;
    info->colour = space == VIPS_SRGB || space == VIPS_RGB || space == VIPS_RGB16;
    info->integer = format == VIPS_UCHAR || format == VIPS_USHORT || format == VIPS_UINT;
    return 0;
}

int cvips_keep(CVipsJob *job) {
    // As libvips does for what it must keep itself.
    const int64_t memory_limit = 100 * 1024 * 1024;
    CVipsInfo info;
    if (cvips_info(job, &info)) return -1;
    int64_t size = (int64_t)info.width * info.height * info.bands * info.bits / 8;
    VipsImage *in = cvips_job_current(job);
    VipsImage *out = size > memory_limit ? cvips.vips_image_new_temp_file("%s.v") : cvips.vips_image_new_memory();
    if (!out) return -1;
    int result = cvips.vips_image_write(in, out);
    if (result) cvips.g_object_unref(out);
    return cvips_job_adopt(job, result, result ? NULL : out);
}

int cvips_upright(CVipsJob *job) { OPERATE(job, cvips.vips_autorot(in, &out, NULL)); }

int cvips_resize(CVipsJob *job, int width, int height) {
    CVipsInfo info;
    if (cvips_info(job, &info)) return -1;
    double across = (double)width / info.width, down = (double)height / info.height;
    OPERATE(job, cvips.vips_resize(in, &out, across, "vscale", down, NULL));
}

int cvips_crop(CVipsJob *job, int left, int top, int width, int height) {
    OPERATE(job, cvips.vips_extract_area(in, &out, left, top, width, height, NULL));
}

// Metadata belong to images that others may share: it is removed from a copy of our own (of no pixels).
static int remove_profile(CVipsJob *job) {
    VipsImage *out = NULL;
    int result = cvips.vips_copy(cvips_job_current(job), &out, NULL);
    if (!result) cvips.vips_image_remove(out, "icc-profile-data");
    return cvips_job_adopt(job, result, out);
}

static int convert(CVipsJob *job, int space) {
    OPERATE(job, cvips.vips_colourspace(in, &out, space, NULL));
}

int cvips_to_colour(CVipsJob *job) {
    CVipsInfo info;
    if (cvips_info(job, &info)) return -1;
    return convert(job, info.integer && info.bits == 16 ? VIPS_RGB16 : VIPS_SRGB) ? -1 : remove_profile(job);
}

int cvips_to_grey(CVipsJob *job, bool deep) {
    CVipsInfo info;
    if (cvips_info(job, &info)) return -1;
    return convert(job, deep && info.integer && info.bits == 16 ? VIPS_GREY16 : VIPS_B_W) ? -1 : remove_profile(job);
}

int cvips_cast(CVipsJob *job, int bits) {
    OPERATE(job, cvips.vips_cast(in, &out, bits == 16 ? VIPS_USHORT : VIPS_UCHAR, NULL));
}

static double alpha_limit(VipsImage *image) {
    int space = cvips.vips_image_guess_interpretation(image);
    return space == VIPS_RGB16 || space == VIPS_GREY16 ? 65535 : 255;
}

int cvips_premultiply(CVipsJob *job) {
    OPERATE(job, cvips.vips_premultiply(in, &out, "max_alpha", alpha_limit(in), NULL));
}

int cvips_unpremultiply(CVipsJob *job) {
    OPERATE(job, cvips.vips_unpremultiply(in, &out, "max_alpha", alpha_limit(in), NULL));
}

int cvips_flatten(CVipsJob *job, const double *background, int count) {
    VipsImage *in = cvips_job_current(job);
    VipsImage *out = NULL;
    VipsArrayDouble *colour = cvips.vips_array_double_new(background, count);
    if (!in || !colour) return -1;
    int result = cvips.vips_flatten(in, &out, "background", colour, "max_alpha", alpha_limit(in), NULL);
    cvips.vips_area_unref(colour);
    return cvips_job_adopt(job, result, out);
}

int cvips_blur(CVipsJob *job, double sigma) {
    // libvips cuts the bell off at a fifth of its height, which blurs by a seventh less than sigma says; a fiftieth is
    // below what can be seen.
    OPERATE(job, cvips.vips_gaussblur(in, &out, sigma, "min_ampl", 0.02, NULL));
}

int cvips_sharpen(CVipsJob *job, double sigma, double amount) {
    OPERATE(job, cvips.vips_sharpen(in, &out, "sigma", sigma, "m2", amount, NULL));
}

int cvips_edges(CVipsJob *job) { OPERATE(job, cvips.vips_sobel(in, &out, NULL)); }

int cvips_turn(CVipsJob *job, int quarters) {
    // VipsAngle: 0, 90, 180, 270 degrees clockwise, from 0.
    OPERATE(job, cvips.vips_rot(in, &out, quarters & 3, NULL));
}

int cvips_rotate(CVipsJob *job, double degrees, const double *background, int count) {
    VipsImage *in = cvips_job_current(job);
    VipsImage *out = NULL;
    VipsArrayDouble *colour = cvips.vips_array_double_new(background, count);
    if (!in || !colour) return -1;
    int result = cvips.vips_rotate(in, &out, degrees, "background", colour, NULL);
    cvips.vips_area_unref(colour);
    return cvips_job_adopt(job, result, out);
}
