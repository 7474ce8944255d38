/* tiff_library.h: libtiff, loaded when the first TIFF is read or written.
 *
 * It is not linked, because Debian's brings libjbig along, whose licence (GPL) must not become that
 * of a wheel that holds the command. Once tiff_library_load has been called, libtiff's functions go by
 * their names as ever.
 */
#ifndef TIFF_LIBRARY_H
#define TIFF_LIBRARY_H

#include <stdbool.h>
#include <tiffio.h>

#define TIFF_LIBRARY_FUNCTIONS(EACH)       \
  EACH(TIFFClientOpenExt)                  \
  EACH(TIFFClose)                          \
  EACH(TIFFComputeTile)                    \
  EACH(TIFFCurrentDirOffset)               \
  EACH(TIFFGetField)                       \
  EACH(TIFFGetFieldDefaulted)              \
  EACH(TIFFGetStrileByteCount)             \
  EACH(TIFFGetStrileOffset)                \
  EACH(TIFFIsCODECConfigured)              \
  EACH(TIFFIsTiled)                        \
  EACH(TIFFLastDirectory)                  \
  EACH(TIFFNumberOfStrips)                 \
  EACH(TIFFNumberOfTiles)                  \
  EACH(TIFFOpenOptionsAlloc)               \
  EACH(TIFFOpenOptionsFree)                \
  EACH(TIFFOpenOptionsSetErrorHandlerExtR) \
  EACH(TIFFOpenOptionsSetMaxSingleMemAlloc) \
  EACH(TIFFOpenOptionsSetWarningHandlerExtR) \
  EACH(TIFFReadDirectory)                  \
  EACH(TIFFReadEncodedTile)                \
  EACH(TIFFReadScanline)                   \
  EACH(TIFFScanlineSize64)                 \
  EACH(TIFFSetField)                       \
  EACH(TIFFTileSize64)                     \
  EACH(TIFFWriteDirectory)                 \
  EACH(TIFFWriteEncodedStrip)

struct tiff_library {
#define DECLARE(name) __typeof__(name) *name##_function;
  TIFF_LIBRARY_FUNCTIONS(DECLARE)
#undef DECLARE
};

extern struct tiff_library tiff_library;

/* Whether libtiff is there; if not, the message says what to install. From any thread. */
bool tiff_library_load(char *message);

#ifndef TIFF_LIBRARY_IS_LOADED_HERE
#define TIFFClientOpenExt tiff_library.TIFFClientOpenExt_function
#define TIFFClose tiff_library.TIFFClose_function
#define TIFFComputeTile tiff_library.TIFFComputeTile_function
#define TIFFCurrentDirOffset tiff_library.TIFFCurrentDirOffset_function
#define TIFFGetField tiff_library.TIFFGetField_function
#define TIFFGetFieldDefaulted tiff_library.TIFFGetFieldDefaulted_function
#define TIFFGetStrileByteCount tiff_library.TIFFGetStrileByteCount_function
#define TIFFGetStrileOffset tiff_library.TIFFGetStrileOffset_function
#define TIFFIsCODECConfigured tiff_library.TIFFIsCODECConfigured_function
#define TIFFIsTiled tiff_library.TIFFIsTiled_function
#define TIFFLastDirectory tiff_library.TIFFLastDirectory_function
#define TIFFNumberOfStrips tiff_library.TIFFNumberOfStrips_function
#define TIFFNumberOfTiles tiff_library.TIFFNumberOfTiles_function
#define TIFFOpenOptionsAlloc tiff_library.TIFFOpenOptionsAlloc_function
#define TIFFOpenOptionsFree tiff_library.TIFFOpenOptionsFree_function
#define TIFFOpenOptionsSetErrorHandlerExtR tiff_library.TIFFOpenOptionsSetErrorHandlerExtR_function
#define TIFFOpenOptionsSetMaxSingleMemAlloc tiff_library.TIFFOpenOptionsSetMaxSingleMemAlloc_function
#define TIFFOpenOptionsSetWarningHandlerExtR tiff_library.TIFFOpenOptionsSetWarningHandlerExtR_function
#define TIFFReadDirectory tiff_library.TIFFReadDirectory_function
#define TIFFReadEncodedTile tiff_library.TIFFReadEncodedTile_function
#define TIFFReadScanline tiff_library.TIFFReadScanline_function
#define TIFFScanlineSize64 tiff_library.TIFFScanlineSize64_function
#define TIFFSetField tiff_library.TIFFSetField_function
#define TIFFTileSize64 tiff_library.TIFFTileSize64_function
#define TIFFWriteDirectory tiff_library.TIFFWriteDirectory_function
#define TIFFWriteEncodedStrip tiff_library.TIFFWriteEncodedStrip_function
#endif

#endif
