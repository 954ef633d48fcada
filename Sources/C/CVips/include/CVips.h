#pragma once

// A small, fixed-argument face of libvips (8.12 and later), which is looked up when it is first needed.
//
// This target neither links libvips nor includes its headers. Linked, it would cost every process of the one `millrace`
// binary some 20 MB and 20 ms before `main`, though only workers with image tasks need it, and Millrace would not start
// where it is not installed. And SwiftPM's way to the headers, a system library with `pkgConfig: "vips"`, always adds
// `-lvips` too. What is used of libvips is a dozen functions and plain numbers of an ABI that has not changed since
// 2015 (`libvips.so.42`), so they are declared in `Library.h`.

#include <stdbool.h>
#include <stddef.h>

#if defined(__cplusplus)
extern "C" {
#endif

/// Loads and starts libvips, once for the process; safe from any thread, and slow only the first time.
/// Returns NULL, or why it cannot be used, in a sentence that stays valid.
const char *cvips_load(void);

/// Whether `cvips_load` has succeeded in this process; does not load anything.
bool cvips_is_loaded(void);

/// What libvips has said of failures since the last call, in lines; the caller frees it with `free`. NULL when it said
/// nothing. The text is one per process: only one thread may use libvips at a time if it is to be told apart.
char *cvips_take_errors(void);

/// Gives back what libvips keeps for the calling thread; to be called before a thread that used it ends.
void cvips_end_thread(void);

// MARK: A job: one picture on its way from a file to a file.

/// Owns every image and source made on the way. All calls are for one thread at a time, except `cvips_job_cancel`.
typedef struct CVipsJob CVipsJob;

typedef enum {
    CVIPS_JPEG,
    CVIPS_PNG,
    CVIPS_WEBP,
    CVIPS_TIFF,
    CVIPS_GIF,
} CVipsFormat;

typedef struct {
    int width;   ///< In pixels, as stored: not yet turned upright.
    int height;  ///< In pixels, of the first page.
    int bands;   ///< Alpha included.
    int bits;    ///< Per band: 8, 16, 32 or 64 (the parts of complex numbers count together).
    int orientation;  ///< As EXIF has it: 1 to 8; 1 is upright.
    bool alpha;
    bool grey;     ///< One band of light, with or without alpha.
    bool colour;   ///< Red, green, blue, with or without alpha.
    bool integer;  ///< Whole numbers without a sign.
} CVipsInfo;

/// An empty job, or NULL when there is no memory. Needs no libvips yet.
CVipsJob *cvips_job_new(void);

void cvips_job_free(CVipsJob *job);

/// Gives up the images and closes the files; what is cancelled stays so.
void cvips_job_clear(CVipsJob *job);

/// Stops the job's evaluation at the next tile, and fails what is called on it later. From any thread.
void cvips_job_cancel(CVipsJob *job);

bool cvips_job_is_cancelled(CVipsJob *job);

// All of these work on the job's current image and replace it; 0, or -1 with a text for `cvips_take_errors`.
// Pixels move only in `cvips_keep` and the saves.

/// Reads the header of the first page of the file, whose format the caller has found out. A file cut short fails when
/// its pixels are read. `shrink` is 1, 2, 4 or 8 for JPEG: the factor by which decoding itself makes it smaller; 1 for
/// others. Pixels are read from top to bottom, once: what needs another order calls `cvips_keep` first.
int cvips_open(CVipsJob *job, const char *path, CVipsFormat format, int shrink);

int cvips_info(CVipsJob *job, CVipsInfo *info);

/// Reads all pixels now, into memory, or from 100 MB on into a file without a name in `TMPDIR`.
int cvips_keep(CVipsJob *job);

/// Turns the picture upright as EXIF says and removes that tag. Needs `cvips_keep` unless the orientation is 1.
int cvips_upright(CVipsJob *job);

/// To exactly `width` × `height` pixels.
int cvips_resize(CVipsJob *job, int width, int height);

int cvips_crop(CVipsJob *job, int left, int top, int width, int height);

/// To sRGB with the image's depth; any colour profile is removed, as it no longer fits.
int cvips_to_colour(CVipsJob *job);

/// To light alone, with the image's depth or, if that is not `deep`, 8 bits; any colour profile is removed, as it no
/// longer fits.
int cvips_to_grey(CVipsJob *job, bool deep);

/// Whole numbers without a sign, of 8 or 16 bits.
int cvips_cast(CVipsJob *job, int bits);

/// Colour times alpha, in floating point: what mixing neighbours needs.
int cvips_premultiply(CVipsJob *job);
int cvips_unpremultiply(CVipsJob *job);

/// Lays the picture over a colour of `count` bands; it has no alpha then.
int cvips_flatten(CVipsJob *job, const double *background, int count);

int cvips_blur(CVipsJob *job, double sigma);
int cvips_sharpen(CVipsJob *job, double sigma, double amount);
int cvips_edges(CVipsJob *job);

/// Clockwise. Needs `cvips_keep`.
int cvips_turn(CVipsJob *job, int quarters);

/// Clockwise by degrees, on a canvas that holds all of it. Needs `cvips_keep`.
int cvips_rotate(CVipsJob *job, double degrees, const double *background, int count);

/// All pixels of the current image, row by row, the bands of each together, as they lie in memory; the caller frees them
/// with `cvips_free_pixels`. NULL when they cannot be had. For whoever must look at a picture: tests.
unsigned char *cvips_pixels(CVipsJob *job, size_t *size);
void cvips_free_pixels(unsigned char *pixels);

/// Writes the file; `quality` is 1–100, for JPEG and WebP. GIF is not written.
int cvips_save(CVipsJob *job, const char *path, CVipsFormat format, int quality);

#if defined(__cplusplus)
}
#endif
