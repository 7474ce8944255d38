/* colorize.h: colours grayscale photographs in memory, on the CPU.
 *
 * Copyright (c) 2026, the libcolorize authors. Licence: BSD-2-Clause.
 *
 * This header is the manual. The shortest complete use:
 *
 *     colorize_model *model = NULL;
 *     colorize_error error;
 *     if (colorize_model_open_default(&model, &error) != COLORIZE_OK) { puts(error.message); return 1; }
 *
 *     colorize_image in  = { .pixels = gray, .row_bytes = width,     .width = width, .height = height, .format = COLORIZE_GRAY8 };
 *     colorize_image out = { .pixels = rgb,  .row_bytes = 3 * width, .width = width, .height = height, .format = COLORIZE_RGB8 };
 *     if (colorize_run(model, &in, &out, NULL, &error) != COLORIZE_OK) puts(error.message);
 *     colorize_model_close(model);
 *
 * Compile with: cc program.c $(pkg-config --cflags --libs libcolorize)
 *
 * What holds for every function
 *
 *   Memory     The library never keeps a pointer that it was given after the call has returned (not even the bytes
 *              of colorize_model_open_memory), never writes outside the rows and columns that a description names, and
 *              frees nothing but what colorize_model_close frees.
 *   Errors     A function that can fail returns a colorize_status and, if `error` is not NULL, fills it with one sentence
 *              that names the value at fault and its bound. On success `error` is set to COLORIZE_OK and an empty
 *              message. Nothing is printed, and no function ends or interrupts the process.
 *   Threads    Any number of threads may use one model at the same time: a model does not change once it is open. Only
 *              colorize_model_close must come after every other use. A call starts the threads that it needs and ends
 *              them before it returns; they block every signal.
 *   Results    The same input on the same machine gives the same bytes, with any number of threads and whatever
 *              floating-point rounding mode the caller has set (it is put aside during a call and then put back).
 *   fork       A child of fork() may go on using the models that its parent had opened.
 *   State      There is no global state. Two environment variables are read, when a model is opened: COLORIZE_ISA
 *              (avx512, avx2 or baseline) chooses the instruction set instead of the best that the processor has, and
 *              COLORIZE_GEMM (own or openblas) what multiplies matrices, see OpenBLAS.
 *              (The Swift runtime inside has variables of its own for its debugging, SWIFT_BACKTRACE and SWIFT_DEBUG_*.
 *              They are best left unset: they make it print, and take signals.)
 *   Callbacks  run on the thread that made the call, and may call every function of this library except
 *              colorize_model_close on the model in use. They must return: no longjmp, no C++ exception.
 *   OpenBLAS   The library has matrix products of its own and is not linked with OpenBLAS. With COLORIZE_GEMM=openblas,
 *              or where the variable is not set and the processor is not of x86-64, opening a model loads
 *              libopenblas.so.0, which then stays loaded. By name it is an error if that fails. Otherwise it is used only
 *              if it is there and the host had not loaded it: its settings are the whole process's, and it is set to one
 *              thread each time a model is opened for it. While a model uses it, fork() waits for the end of the products
 *              that are being computed.
 *              OpenBLAS reads OPENBLAS_CORETYPE when it is loaded; colorize_model_description says what it has made of
 *              the processor.
 *   Unloading  The library stays in memory once it is loaded (it is linked with -z nodelete), so dlclose is safe.
 *
 * Structs that begin with struct_size grow at their end in later versions. Set struct_size to sizeof the struct that you
 * were compiled with: what an older, shorter struct lacks has its default, and a newer, longer one is accepted as long
 * as the part that this version does not know is zero. In every struct of options a zero means the default, so
 * `colorize_options options = { .struct_size = sizeof options };` is a complete set of defaults.
 */
#ifndef COLORIZE_H
#define COLORIZE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ---------------------------------------------------------------------------------------------------- */

#define COLORIZE_VERSION_MAJOR 0
#define COLORIZE_VERSION_MINOR 2
#define COLORIZE_VERSION_PATCH 0

/* The version of the library that is loaded: major * 1000000 + minor * 1000 + patch. */
uint32_t colorize_version(void);

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/* One of the constants below. They are never renumbered; later versions append. */
typedef int32_t colorize_status;
enum {
  COLORIZE_OK = 0,
  COLORIZE_INVALID_ARGUMENT = 1, /* a pointer, size, format, option or environment value that the call does not take */
  COLORIZE_OUT_OF_MEMORY = 2,    /* memory was refused; nothing was written */
  COLORIZE_CANNOT_READ_FILE = 3, /* the file cannot be opened or read, or is not a regular file */
  COLORIZE_INVALID_MODEL = 4,    /* not a model file, or damaged, incomplete; or its sums overflow, by its weights or by inputs of 1e30 and more */
  COLORIZE_UNSUPPORTED_MODEL = 5, /* a sound file, of an architecture or number format that this version does not know */
  COLORIZE_CANCELLED = 6         /* the progress callback asked to stop */
};

/* The constant's name, for example "COLORIZE_OUT_OF_MEMORY"; "COLORIZE_UNKNOWN_STATUS" for any other number. Static. */
const char *colorize_status_name(colorize_status status);

/* What went wrong. Owned by the caller, on the stack or anywhere; need not be initialised. Frozen: never grows. */
typedef struct colorize_error {
  colorize_status status; /* the same value that the function returned */
  char message[252];      /* UTF-8, ends with a zero byte, cut at a character's border where it would not fit */
} colorize_error;

/* ---- Images ----------------------------------------------------------------------------------------------------- */

/* How a pixel is laid out: channels of 8 bits (0 to 255), of 16 bits (0 to 65535, in the processor's byte order), or floats
 * (0 to 1). They are sRGB-encoded; alpha is not premultiplied. No alignment is needed. Later versions append.
 *
 * Floats below 0 count as 0, above 1 as 1, and what is not a number as 0; alpha is only copied. The network sees 8 bits of a
 * channel: 16 bits and floats are rounded to the nearest of 255 steps, and the result has the lightness of all their bits. */
typedef int32_t colorize_format;
enum {
  COLORIZE_GRAY8 = 1,
  COLORIZE_RGB8 = 2,        /* red, green, blue */
  COLORIZE_RGBA8 = 3,       /* red, green, blue, alpha */
  COLORIZE_GRAY_ALPHA8 = 4, /* gray, alpha */
  COLORIZE_BGRA8 = 5,       /* blue, green, red, alpha */
  COLORIZE_GRAY16 = 6,
  COLORIZE_GRAY_ALPHA16 = 7,
  COLORIZE_RGB16 = 8,
  COLORIZE_RGBA16 = 9,
  COLORIZE_GRAY_FLOAT = 10,
  COLORIZE_GRAY_ALPHA_FLOAT = 11,
  COLORIZE_RGB_FLOAT = 12,
  COLORIZE_RGBA_FLOAT = 13
};

/* Pixels that the caller owns. Frozen: `reserved` must be zero. */
typedef struct colorize_image {
  void *pixels;           /* the first byte of the upper left pixel; an input's pixels are only read */
  size_t row_bytes;       /* from a row's first byte to the next row's; at least width * bytes of a pixel, or larger */
  uint32_t width;         /* in pixels, 1 to 1048576 */
  uint32_t height;        /* in pixels, 1 to 1048576 */
  colorize_format format; /* COLORIZE_GRAY8, ... */
  uint32_t reserved[3];   /* zero */
} colorize_image;

/* ---- Models ----------------------------------------------------------------------------------------------------- */

/* A network with its weights, ready to run. Opaque; made by one of the open functions, ended by colorize_model_close. */
typedef struct colorize_model colorize_model;

/* What a network's mask input is where a hint is and where none is. */
typedef int32_t colorize_mask_convention;
enum {
  COLORIZE_MASK_ZERO_ONE = 1, /* 1 and 0: nearly all networks that take hints */
  COLORIZE_MASK_CENTRED = 2   /* 0.5 and -0.5: checkpoints of a repository for training (docs/published-networks.md) */
};

/* How to open a model. NULL or zeroes: as the file says. */
typedef struct colorize_model_options {
  size_t struct_size; /* sizeof(colorize_model_options) */
  /* The temperature at which the network's plain softmax stands: its logits are multiplied by this before they are
   * divided by the caller's temperature. 0: what the file says, or else the network's own, mostly 1. Otherwise 0.01 to
   * 100. */
  float plain_softmax_temperature;
  /* 0: what the file says, or else COLORIZE_MASK_ZERO_ONE. The caller's masks are 0 and 1 in any case. */
  colorize_mask_convention mask_convention;
} colorize_model_options;

/* What a model is. Strings belong to the model and live as long as it does. */
typedef struct colorize_model_description {
  size_t struct_size;             /* in: sizeof(colorize_model_description); that much is written, zero where unknown */
  const char *architecture;       /* the network's name; docs/published-networks.md lists all */
  const char *licence;            /* the licence of the weights as the file states it; "" if it does not */
  const char *instruction_set;    /* what the model was opened for: "avx512", "avx2" or "baseline" */
  uint64_t parameters;            /* number of weights */
  uint32_t default_network_size;  /* the side, in pixels, at which the network sees a picture unless told otherwise */
  uint32_t network_size_multiple; /* sides that colorize_predict takes are multiples of this */
  uint32_t output_stride;         /* see network_size_rounding */
  uint32_t bins;                  /* number of ab bins in its distribution; 0: it has none */
  uint32_t takes_hints;           /* 1 if colorize_predict may be given hints, else 0 */
  float plain_softmax_temperature; /* see colorize_model_options */
  /* The sides of the ab that colorize_predict gives are those of its input, rounded up to multiples of this and divided by
   * output_stride; those of the probabilities of colorize_distribution, divided by distribution_stride, which is 0 where
   * there is no distribution. docs/published-networks.md has these numbers of every network. */
  uint32_t network_size_rounding;
  uint32_t distribution_stride;
  colorize_mask_convention mask_convention; /* COLORIZE_MASK_ZERO_ONE where the network takes no hints */
  uint32_t reserved;                        /* zero */
  const char *gemm;                         /* what multiplies matrices: "own" or "openblas" */
  /* Of OpenBLAS: its version and how it was built, in its own words, and the processor for which it has chosen its kernels
   * ("SkylakeX", or "Prescott" where it does not know the processor and is slow). "" for own. */
  const char *gemm_configuration;
  const char *gemm_core;
} colorize_model_description;

/* Opens the model that lies inside the library. Takes some milliseconds. *model is NULL after an error. */
colorize_status colorize_model_open_default(colorize_model **model, colorize_error *error);

/* Opens a model file: safetensors, or a checkpoint as PyTorch saves it (a state dict, .pth, in the zip or the older
 * container; nothing in it is executed). docs/model-format.md has the details. The network is the one that the file's
 * metadata names, or else the one that has tensors of these names and shapes. The file is read before the call returns and
 * may then be changed or removed. Weights are packed by as many threads as the calling thread has processors, which end
 * before the call returns. `path` is a file name as open() takes it. *model is NULL after an error. */
colorize_status colorize_model_open(const char *path, const colorize_model_options *options, colorize_model **model,
                                    colorize_error *error);

/* The same from `size` bytes in memory, which may be freed as soon as the call has returned. */
colorize_status colorize_model_open_memory(const void *bytes, size_t size, const colorize_model_options *options,
                                           colorize_model **model, colorize_error *error);

/* Fills `description`, whose struct_size the caller has set. */
colorize_status colorize_model_info(const colorize_model *model, colorize_model_description *description);

/* Ends a model and frees all that belongs to it. No other call may be using it. NULL is a no-op. */
void colorize_model_close(colorize_model *model);

/* ---- Colouring -------------------------------------------------------------------------------------------------- */

/* Called with the work done so far, `fraction` from 0 to 1, which never goes back and is 1 once, at the end: every few
 * milliseconds, on the thread that made the call. Return 0 to go on; any other value stops the call, which then returns
 * COLORIZE_CANCELLED, some milliseconds later. */
typedef int32_t (*colorize_progress)(void *user_data, float fraction);

typedef int32_t colorize_preset;
enum {
  COLORIZE_PRESET_DEFAULT = 0, /* the best picture that this version knows how to make; may change with a version */
  COLORIZE_PRESET_REFERENCE = 1 /* what the network's release computes, step by step (docs/published-networks.md). Mostly:
                                   the picture squashed to 256x256 with Pillow's bicubic, bilinear upsampling, plain
                                   clipping to sRGB, hints given to the network and no more */
};

/* To which size the picture is brought for the network. */
typedef int32_t colorize_network_fit;
enum {
  COLORIZE_FIT_DEFAULT = 0, /* COLORIZE_FIT_SQUARE */
  COLORIZE_FIT_SQUARE = 1,  /* squashed to a square of network_size */
  COLORIZE_FIT_ASPECT = 2   /* its longer side is network_size, the other one as the picture's proportions have it, rounded
                               to the nearest multiple of the model's network_size_multiple (at least one) */
};

/* How the network's colours, which are a few hundred pixels wide, are brought to the picture's size. */
typedef int32_t colorize_upsampling;
enum {
  COLORIZE_UPSAMPLING_DEFAULT = 0, /* guided; with COLORIZE_PRESET_REFERENCE bilinear */
  COLORIZE_UPSAMPLING_BILINEAR = 1,
  COLORIZE_UPSAMPLING_GUIDED = 2 /* follows the edges of the picture's lightness, so that colours end where things do */
};

/* What becomes of a colour that sRGB has not at the pixel's lightness. */
typedef int32_t colorize_gamut_mapping;
enum {
  COLORIZE_GAMUT_DEFAULT = 0,  /* keep hue; with COLORIZE_PRESET_REFERENCE clip */
  COLORIZE_GAMUT_CLIP = 1,     /* red, green and blue are each brought into 0 to 1: lightness and hue may change */
  COLORIZE_GAMUT_KEEP_HUE = 2  /* the largest chroma that sRGB has at this lightness and this hue (of CIE Lab) */
};

/* Temperature and saturation in plain words; each is used where the option itself is 0. */
typedef int32_t colorize_style;
enum {
  COLORIZE_STYLE_DEFAULT = 0, /* temperature 0.38, saturation 1 */
  COLORIZE_STYLE_NATURAL = 1, /* temperature 0.6, saturation 0.9: quiet, and seldom wrong by much */
  COLORIZE_STYLE_VIVID = 2    /* temperature 0.25, saturation 1.3: strong, and sometimes wrong by much */
};

/* In what a hint's colour is given. */
typedef int32_t colorize_color_space;
enum {
  COLORIZE_COLOR_AB = 1,  /* color[0] and color[1]: a and b of CIE Lab; color[2] is 0 */
  COLORIZE_COLOR_RGB = 2  /* color: red, green and blue, sRGB-encoded, 0 to 1; of which a and b are taken */
};

/* A colour that the picture has at a place, as far as the user knows or wants it. Frozen: `reserved` must be zero.
 * The lightness of the picture stays what it is. */
typedef struct colorize_hint {
  float x;      /* the centre, in pixels from the picture's left edge: 0 to its width; the first pixel's centre is at 0.5 */
  float y;      /* and from its upper edge: 0 to its height */
  float radius; /* half the side, in pixels, of a square of this colour; 0: a point. 0 to 1048576 */
  colorize_color_space space;
  float color[3]; /* a and b must be those of some colour of sRGB */
  uint32_t reserved;
} colorize_hint;

/* Hints as pictures of the size of the one that is coloured: strokes, or a sparse colouring. */
typedef struct colorize_hint_map {
  size_t struct_size;   /* sizeof(colorize_hint_map) */
  const float *ab;      /* [height, width, 2]: a and b of CIE Lab, -128 to 128, looked at where the mask is not 0 */
  size_t ab_row_bytes;  /* from a row to the next one: at least 8 * width, a multiple of 4 */
  const uint8_t *mask;  /* [height, width]: 0 where there is no hint */
  size_t mask_row_bytes; /* at least width */
} colorize_hint_map;

/* How to run a model. NULL or zeroes: the defaults. */
typedef struct colorize_options {
  size_t struct_size;     /* sizeof(colorize_options) */
  colorize_preset preset; /* default COLORIZE_PRESET_DEFAULT */
  /* The side of the square, in pixels, to which the picture is squashed for the network, or its longer side (see
   * network_fit): a multiple of the model's network_size_multiple, up to 2048. Default: the model's own (preset reference:
   * the release's, mostly 256). Memory and time grow with its square. */
  uint32_t network_size;
  /* The temperature of the annealed mean (Zhang et al. 2016, section 2.3): towards 0 colours are those of the most
   * probable bin, vivid and patchy; at 1 they are the plain mean, even and dull. 0.01 to 10. Default: 0.38, the paper's. Colours
   * that are a regression have no temperature: for them, `saturation` is the dial. For a network without a distribution
   * it is an error to give one. */
  float temperature;
  /* How many threads work on this call, the calling one included: 1 to 256. Default: the processors that the calling
   * thread may run on. Has no influence on the result. */
  uint32_t threads;
  colorize_progress progress; /* default: none */
  void *user_data;            /* handed to `progress` */
  /* The rest is for colorize_run and sessions; colorize_predict and colorize_distribution do not read it. */
  colorize_network_fit network_fit;
  colorize_style style;
  float saturation; /* what a and b are multiplied by: 0.01 to 10. Default: 1 */
  colorize_upsampling upsampling;
  colorize_gamut_mapping gamut_mapping;
  /* 0: the colouring that is most likely. 1 to 4: others that the network holds possible, each one coherent over the picture:
   * its distributions tilted along the two directions of the ab plane in which they leave most open, first one way, then
   * the other. Not for a network whose colours are a regression. */
  uint32_t variant;
  /* Colours at some places, for a network that takes hints. They become squares of the network's input, at least one of its
   * pixels each; several in one pixel are averaged. With the default preset the result is also drawn to them where the
   * network does not follow. NULL and 0: none. At most 1048576. */
  const colorize_hint *hints;
  size_t hint_count;
  const colorize_hint_map *hint_map; /* and these; NULL: none */
  /* A picture whose colours are to be this one's: the distribution of a and b is brought to that of this picture, which
   * may have any size and any format with colours. NULL: none */
  const colorize_image *palette;
  float palette_strength; /* how far, 0.01 to 1. Default: 1 */
  uint32_t reserved;      /* zero */
} colorize_options;

/* Sets every field to its default and struct_size to `struct_size`, which the caller gives as sizeof(colorize_options).
 * The defaults are all zero; the function is for languages that do not initialise structs. NULL is a no-op. */
void colorize_options_init(colorize_options *options, size_t struct_size);

/* Colours `in` into `out`, which has the same width and height and a format with colours; its channels may have other
 * depths. Only the lightness of a coloured input is looked at, and the result has the same, but for rounding. Alpha is copied
 * as it is between channels of the same depth, and rounded otherwise; it is 1 (255, 65535) where only `out` has alpha.
 *
 * `out` may be `in` (same pixels and row_bytes, and as many bytes a pixel), or lie beside it without a shared byte (with
 * different row_bytes only before or behind it); otherwise the two must not overlap.
 *
 * The network's activations take some bytes for each pixel that it sees (docs/published-networks.md: 140 for the model in
 * the library, 10 MB at 256x256), and what it computes with at most 10 MB, or 6 for each thread, but more where it attends
 * to all positions. A model keeps up to 96 MB of that for its next run. (With OpenBLAS it is two megabytes for each
 * thread, and OpenBLAS maps and keeps 128 MB for each, of which it touches a few.) Beyond the model and these, the memory
 * needed grows with the picture's sides, not with its area: about 20 bytes for each row, 30 for each column, and 12 more for each column and thread; and 8 bytes for each
 * pixel of the network's ab, or, with COLORIZE_UPSAMPLING_GUIDED, 45 for each pixel that it sees.
 *
 * While the network runs nothing is written. Once output rows are being written, an error or a cancel leaves `out`
 * undefined (and `in` too, if they are the same). */
colorize_status colorize_run(const colorize_model *model, const colorize_image *in, const colorize_image *out,
                             const colorize_options *options, colorize_error *error);

/* The network alone, on exactly what it takes: what PyTorch's model(lightness, hints, mask) gives.
 *   width, height  of the network's input: multiples of the model's network_size_multiple, from that up to 2048
 *   lightness      [height, width], L of CIE Lab, 0 to 100
 *   hints          [2, height, width], a and b of CIE Lab, -128 to 128; 0 where there is no hint, since the network looks at
 *                  all of them. NULL: none
 *   mask           [height, width], 1 where a hint is, else 0; networks know no other numbers, but are given them (with
 *                  COLORIZE_MASK_CENTRED, less 0.5). NULL: no hints; one without the other is an error
 *   ab             out: [2, H, W], a and b of CIE Lab; H and W: see colorize_model_description
 * All are row-major without padding. Values that are not finite are an error. Of the options `temperature`, `threads`
 * and the progress callback are used. After an error or a cancel `ab` is as it was.
 *
 * A network that gives a distribution alone gives its annealed mean; of one that gives colours itself these are a and b, on
 * which the temperature has no influence. */
colorize_status colorize_predict(const colorize_model *model, uint32_t width, uint32_t height, const float *lightness,
                                 const float *hints, const float *mask, const colorize_options *options, float *ab,
                                 colorize_error *error);

/* The probability of each ab bin, at the network's resolution: softmax(logits / temperature), with the arguments of
 * colorize_predict. Here the default temperature is 1: the distribution that the network was trained to give.
 *   probabilities  out: [bins, H, W], 0 to 1, summing to 1 over the bins; H and W: see colorize_model_description */
colorize_status colorize_distribution(const colorize_model *model, uint32_t width, uint32_t height,
                                      const float *lightness, const float *hints, const float *mask,
                                      const colorize_options *options, float *probabilities, colorize_error *error);

/* The centres of the bins, in the order of colorize_distribution.
 *   centres        out: [bins, 2], a and b of CIE Lab; `bins` must be the model's own number of bins */
colorize_status colorize_bin_centres(const colorize_model *model, uint32_t bins, float *centres, colorize_error *error);

/* ---- Sessions --------------------------------------------------------------------------------------------------- */

/* A picture that is coloured again and again, as by a user who sets one hint after the other: what does not depend on hints and
 * dials is computed once. It holds a copy of the picture, and the model, which may be closed before it. Opaque; made by
 * colorize_session_open, ended by colorize_session_close. It does not change: any number of threads may use one at the same
 * time. */
typedef struct colorize_session colorize_session;

/* Begins a session with a picture. Of the options `preset`, `network_size`, `network_fit`, `threads` and the progress callback
 * are read; the first three hold for the whole session, and are not looked at by the other functions. *session is NULL after an
 * error. */
colorize_status colorize_session_open(const colorize_model *model, const colorize_image *in, const colorize_options *options,
                                      colorize_session **session, colorize_error *error);

/* Ends a session and frees all that belongs to it. No other call may be using it. NULL is a no-op. */
void colorize_session_close(colorize_session *session);

/* What colorize_run gives for the picture, byte for byte. Costs the network and the last stage. `out` may not be read by another
 * call meanwhile. */
colorize_status colorize_session_run(const colorize_session *session, const colorize_image *out,
                                     const colorize_options *options, colorize_error *error);

/* A colour that a pixel may have. Frozen. */
typedef struct colorize_suggestion {
  float probability; /* 0 to 1, of this colour and those near to it */
  float a;           /* a and b of CIE Lab, brought into sRGB at the pixel's lightness with their hue kept */
  float b;
  float rgb[3];      /* red, green and blue at the pixel's lightness, sRGB-encoded, 0 to 1 */
} colorize_suggestion;

/* The most plausible colours at some pixels (Zhang et al. 2017, section 3.3): the network's distribution at the place, divided
 * into groups of bins around its peaks, most probable first.
 *   points       [count, 2]: x and y in pixels, as in colorize_hint
 *   count        1 to 65536
 *   colors       how many for each point: 1 to 32
 *   suggestions  out: [count, colors]; where there are fewer, the rest has the probability 0
 * Of the options the hints, `temperature` (default: 1, the distribution that the network was trained to give), `threads` and
 * the progress callback are read. After an error or a cancel `suggestions` is as it was. */
colorize_status colorize_session_suggest(const colorize_session *session, const float *points, size_t count,
                                         uint32_t colors, const colorize_options *options,
                                         colorize_suggestion *suggestions, colorize_error *error);

/* How sure the network is: 1 - entropy / log(bins) of its distribution at the temperature, 0 (anything goes) to 1 (one bin).
 *   confidence   out: [height, width] of the picture, a row every row_bytes (at least 4 * width, a multiple of 4); bilinear
 * The options are those of colorize_session_suggest. While the network runs nothing is written. */
colorize_status colorize_session_confidence(const colorize_session *session, const colorize_options *options,
                                            float *confidence, size_t row_bytes, colorize_error *error);

/* ---- Colour ----------------------------------------------------------------------------------------------------- */

/* Both take `count` pixels of three floats each, and may work in place (lab == rgb). The white point is D65 (2 degrees)
 * and the figures are scikit-image's rgb2lab and lab2rgb, to 1e-3 in Lab and 1e-4 in RGB. */

/* sRGB-encoded 0 to 1 (values outside are taken as they are) to L 0 to 100, a and b. */
colorize_status colorize_rgb_to_lab(const float *rgb, float *lab, size_t count, colorize_error *error);

/* And back. With clip not 0 each channel is clipped to 0 to 1; with 0, colours outside of sRGB's gamut come back as they
 * are, below 0 or above 1. */
colorize_status colorize_lab_to_rgb(const float *lab, float *rgb, size_t count, int32_t clip, colorize_error *error);

/* The gamut of sRGB at a lightness: the largest chroma for each hue.
 *   lightness      L of CIE Lab, 0 to 100
 *   hues           [count] in degrees: atan2(b, a); any finite number
 *   chroma         out: [count], 0 to 134; may be `hues` */
colorize_status colorize_gamut_chroma(float lightness, const float *hues, float *chroma, size_t count,
                                      colorize_error *error);

#ifdef __cplusplus
}
#endif
#endif
