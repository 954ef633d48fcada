#pragma once

// What the shim uses of libvips and GLib: prototypes and numbers as their headers have them, and a table of pointers
// that `cvips_load` fills.

#include <stddef.h>
#include <stdint.h>

typedef struct VipsImage VipsImage;
typedef struct VipsSource VipsSource;
typedef struct VipsArrayDouble VipsArrayDouble;

#define CVIPS_SYMBOLS(X)                                                                  \
    X(int, vips_version, (int))                                                           \
    X(int, vips_init, (const char *))                                                     \
    X(void, vips_concurrency_set, (int))                                                  \
    X(void, vips_cache_set_max, (int))                                                    \
    X(void, vips_thread_shutdown, (void))                                                 \
    X(char *, vips_error_buffer_copy, (void))                                             \
    X(void, vips_error_clear, (void))                                                     \
    X(void, vips_error, (const char *, const char *, ...))                                \
    X(VipsSource *, vips_source_new_from_file, (const char *))                            \
    X(int, vips_jpegload_source, (VipsSource *, VipsImage **, ...))                       \
    X(int, vips_pngload_source, (VipsSource *, VipsImage **, ...))                        \
    X(int, vips_webpload_source, (VipsSource *, VipsImage **, ...))                       \
    X(int, vips_tiffload_source, (VipsSource *, VipsImage **, ...))                       \
    X(int, vips_gifload_source, (VipsSource *, VipsImage **, ...))                        \
    X(int, vips_image_get_width, (const VipsImage *))                                     \
    X(int, vips_image_get_height, (const VipsImage *))                                    \
    X(int, vips_image_get_bands, (const VipsImage *))                                     \
    X(int, vips_image_get_format, (const VipsImage *))                                    \
    X(int, vips_image_guess_interpretation, (const VipsImage *))                          \
    X(int, vips_image_get_orientation, (VipsImage *))                                     \
    X(int, vips_image_hasalpha, (VipsImage *))                                            \
    X(int, vips_image_remove, (VipsImage *, const char *))                                \
    X(void, vips_image_set_kill, (VipsImage *, int))                                      \
    X(VipsImage *, vips_image_new_memory, (void))                                         \
    X(VipsImage *, vips_image_new_temp_file, (const char *))                              \
    X(int, vips_image_write, (VipsImage *, VipsImage *))                                  \
    X(void *, vips_image_write_to_memory, (VipsImage *, size_t *))                        \
    X(int, vips_copy, (VipsImage *, VipsImage **, ...))                                   \
    X(int, vips_autorot, (VipsImage *, VipsImage **, ...))                                \
    X(int, vips_resize, (VipsImage *, VipsImage **, double, ...))                         \
    X(int, vips_extract_area, (VipsImage *, VipsImage **, int, int, int, int, ...))       \
    X(int, vips_colourspace, (VipsImage *, VipsImage **, int, ...))                       \
    X(int, vips_cast, (VipsImage *, VipsImage **, int, ...))                              \
    X(int, vips_premultiply, (VipsImage *, VipsImage **, ...))                            \
    X(int, vips_unpremultiply, (VipsImage *, VipsImage **, ...))                          \
    X(int, vips_flatten, (VipsImage *, VipsImage **, ...))                                \
    X(int, vips_gaussblur, (VipsImage *, VipsImage **, double, ...))                      \
    X(int, vips_sharpen, (VipsImage *, VipsImage **, ...))                                \
    X(int, vips_sobel, (VipsImage *, VipsImage **, ...))                                  \
    X(int, vips_rot, (VipsImage *, VipsImage **, int, ...))                               \
    X(int, vips_rotate, (VipsImage *, VipsImage **, double, ...))                         \
    X(int, vips_jpegsave, (VipsImage *, const char *, ...))                               \
    X(int, vips_pngsave, (VipsImage *, const char *, ...))                                \
    X(int, vips_webpsave, (VipsImage *, const char *, ...))                               \
    X(int, vips_tiffsave, (VipsImage *, const char *, ...))                               \
    X(VipsArrayDouble *, vips_array_double_new, (const double *, int))                    \
    X(void, vips_area_unref, (void *))                                                    \
    X(void, g_object_unref, (void *))                                                     \
    X(void, g_free, (void *))                                                             \
    X(unsigned, g_log_set_handler, (const char *, int, void (*)(const char *, int, const char *, void *), void *))

struct CVipsLibrary {
#define CVIPS_POINTER(result, name, arguments) result(*name) arguments;
    CVIPS_SYMBOLS(CVIPS_POINTER)
#undef CVIPS_POINTER
};

/// Filled once `cvips_load` has returned NULL.
extern struct CVipsLibrary cvips;

// VipsInterpretation
enum {
    VIPS_B_W = 1,
    VIPS_RGB = 17,
    VIPS_SRGB = 22,
    VIPS_RGB16 = 25,
    VIPS_GREY16 = 26,
};

// VipsBandFormat
enum {
    VIPS_UCHAR = 0,
    VIPS_USHORT = 2,
    VIPS_UINT = 4,
};

// VipsAccess, VipsFailOn, VipsForeignTiffCompression, VipsForeignTiffPredictor, GLogLevelFlags
enum {
    VIPS_SEQUENTIAL = 1,
    VIPS_FAIL_ON_ERROR = 2,
    VIPS_TIFF_DEFLATE = 2,
    VIPS_TIFF_HORIZONTAL = 2,
    G_LOG_EVERYTHING_RECOVERABLE = 0xf8,
};
