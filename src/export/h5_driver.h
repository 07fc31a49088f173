// How the HDF5 library writes our files. Inside src/export/.
#pragma once

#include "export/h5_library.h"

namespace crossload::exporting {

/// Makes a list of file access properties write new files by a driver that hides failures from the library: when a
/// write fails, `*error` becomes its errno (it is 0 before), the library is told that all is well, and the file is
/// spoilt. The caller looks at `*error`, which must live until the file is closed. Reason: HDF5 1.10 cannot close a
/// file on a full disk; it frees its records but keeps the handle, and crashes when the process ends.
bool use_h5_output_driver(H5Id access, int* error);

}  // namespace crossload::exporting
