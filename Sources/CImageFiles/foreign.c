/* foreign.c: tells what a file is that is not read, by its first bytes, so that the user hears more
 * than what it is not.
 *
 * C, because image_files.c is, which asks.
 */
#include <string.h>

#include "toolbox.h"

typedef struct foreign_row {
  size_t offset; /* of the bytes in the file */
  const char *bytes;
  size_t size;
  image_foreign foreign;
} foreign_row;

#define BYTES(text) text, sizeof text - 1

static const char convert[] = "convert it to PNG or TIFF first";
static const char develop[] = "develop it to TIFF first, with darktable or RawTherapee";
static const char frame[] = "extract a frame first: ffmpeg -i IN -frames:v 1 out.png";

/* The first row that fits: what is special before what is general. */
static const foreign_row rows[] = {
    {4, BYTES("ftypmif1"), {"a HEIF picture", convert}},
    {4, BYTES("ftypmsf1"), {"a HEIF sequence", convert}},
    {4, BYTES("ftypcrx "), {"a camera's raw file (CR3)", develop}},
    {4, BYTES("ftyp"), {"a video", frame}},
    {0, BYTES("8BPS"), {"a Photoshop document", convert}},
    {0, BYTES("gimp xcf"), {"a GIMP picture", "export it as PNG or TIFF first"}},
    {0, BYTES("%PDF-"), {"a PDF document", "extract its pictures first: pdfimages -all IN out"}},
    {0, BYTES("%!PS"), {"a PostScript document", convert}},
    {0, BYTES("AT&TFORM"), {"a DjVu document", "convert it first: ddjvu -format=tiff IN out.tif"}},
    {0, BYTES("FUJIFILMCCD-RAW"), {"a camera's raw file (RAF)", develop}},
    {0, BYTES("IIU\0"), {"a camera's raw file (RW2)", develop}},
    {0, BYTES("IIRO"), {"a camera's raw file (ORF)", develop}},
    {0, BYTES("IIRS"), {"a camera's raw file (ORF)", develop}},
    {0, BYTES("MMOR"), {"a camera's raw file (ORF)", develop}},
    {0, BYTES("\x76\x2f\x31\x01"), {"an OpenEXR picture", convert}},
    {0, BYTES("#?RADIANCE"), {"a Radiance picture", convert}},
    {0, BYTES("SIMPLE  ="), {"a FITS file", convert}},
    {0, BYTES("\x8aMNG"), {"an MNG animation", convert}},
    {0, BYTES("DDS "), {"a DDS texture", convert}},
    {0, BYTES("\0\0\x01\0"), {"an icon", convert}},
    {0, BYTES("\x1a\x45\xdf\xa3"), {"a video", frame}},
    {0, BYTES("PK\x03\x04"), {"a ZIP archive", "unpack it first"}},
    {0, BYTES("\x1f\x8b"), {"compressed with gzip", "unpack it first"}},
    {0, BYTES("version https://git-lfs"),
     {"a Git LFS pointer, not the file itself", "fetch it first: git lfs pull"}},
    {0, BYTES("<!DOCTYPE html"), {"an HTML page", "was the download complete?"}},
    {0, BYTES("<!doctype html"), {"an HTML page", "was the download complete?"}},
    {0, BYTES("<html"), {"an HTML page", "was the download complete?"}},
    {0, BYTES("<svg"), {"an SVG drawing", convert}},
};

const image_foreign *image_foreign_of(const unsigned char *start, size_t size) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const foreign_row *row = &rows[i];
    if (size < row->offset + row->size) continue;
    if (memcmp(start + row->offset, row->bytes, row->size) == 0) return &row->foreign;
  }
  return NULL;
}
