#pragma once

#include "CVips.h"
#include "Library.h"

/// The image that the next operation takes.
VipsImage *cvips_job_current(CVipsJob *job);

/// Makes an operation's image the current one, and the job its owner; -1 when the operation failed (`result`) or the job
/// is cancelled.
int cvips_job_adopt(CVipsJob *job, int result, VipsImage *image);

/// Drops all images and opens a file for the next one.
VipsSource *cvips_job_restart(CVipsJob *job, const char *path);
