/* colorize.h: colors grayscale photographs in memory, on the CPU.
 *
 * Copyright (c) 2026, the libcolorize authors. Licence: BSD-2-Clause.
 *
 * This header is the manual. The shortest complete use:
 *
 *     colorize_model *model = NULL;
 *     colorize_error error;
 *     if (colorize_model_open_default(&model, &error) != COLORIZE_OK) { puts(error.message); return 1; }
 *
 *     colorize_image in  = { .pixels = gray, .row_bytes = width,     .width = width, .height = height,
 *                            .format = COLORIZE_GRAY8 };
 *     colorize_image out = { .pixels = rgb,  .row_bytes = 3 * width, .width = width, .height = height,
 *                            .format = COLORIZE_RGB8 };
 *     if (colorize_run(model, &in, &out, NULL, &error) != COLORIZE_OK) puts(error.message);
 *     colorize_model_close(model);
 *
 * Compile with: cc program.c $(pkg-config --cflags --libs libcolorize)
 *
 * Rules for every function
 *
 *   Memory     The library keeps no pointer from its caller beyond the call (not even the bytes given to
 *              colorize_model_open_memory), never writes outside the rows and columns that an image describes, and
 *              frees only its own objects, in the close functions.
 *   Errors     A function that can fail returns a colorize_status and, if `error` is not NULL, fills it with one
 *              sentence that names the bad value and its bound. On success `error` is set to COLORIZE_OK and an empty
 *              message. The library prints nothing and never ends or interrupts the process.
 *   Threads    Any number of threads may use one model at the same time, since an open model never changes. Only
 *              colorize_model_close must wait until all other calls are done. A call starts the threads that it needs
 *              and ends them before it returns; they block all signals.
 *   Results    The same input on the same machine gives the same bytes, with any number of threads and whatever
 *              floating-point rounding mode the caller has set (a call saves and restores it).
 *   fork       A child of fork() may keep using the models that its parent opened.
 *   State      There is no global state. Opening a model reads two environment variables: COLORIZE_ISA (avx512, avx2 or
 *              baseline) selects an instruction set instead of the processor's best, and COLORIZE_GEMM (own or
 *              openblas) selects what multiplies matrices; see OpenBLAS. (The Swift runtime inside the library has
 *              debugging variables of its own, SWIFT_BACKTRACE and SWIFT_DEBUG_*. Leave them unset: they make it print
 *              and handle signals.)
 *   Cancelling pthread_cancel does not end a thread inside a call, callbacks included: its cancel state is disabled on
 *              entry and restored on return. A cancellation that arrived meanwhile takes effect then.
 *   Callbacks  run on the thread that made the call. They may call every function of this library except
 *              colorize_model_close on the model in use. They must return: no longjmp, no C++ exceptions. In a child
 *              that a callback forks, the call ends with COLORIZE_CANCELLED; in the parent it continues.
 *   OpenBLAS   The library multiplies matrices itself and is not linked with OpenBLAS. Opening a model loads
 *              libopenblas.so.0 only with COLORIZE_GEMM=openblas, or if that variable is not set and the processor is
 *              not x86-64; once loaded it stays. With COLORIZE_GEMM=openblas, a failure to load it is an error.
 *              Otherwise it is used only if it is installed and the host had not loaded it already, because its
 *              settings belong to the whole process: each time a model is opened for it, it is set to one thread. While
 *              a model uses it, fork() waits for the products in progress. OpenBLAS reads OPENBLAS_CORETYPE when it is
 *              loaded; colorize_model_description says which processor it took this one for.
 *   Unloading  The library stays in memory once it is loaded (it is linked with -z nodelete), so dlclose is safe.
 *
 * Structs that begin with struct_size may grow at their end in later versions. Set struct_size to the sizeof that you
 * compiled with. Fields that an older, shorter struct lacks have their defaults; a newer, longer struct is accepted if
 * the part that this version does not know is zero. In every options struct zero means the default, so
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

/* The version of this header as one number, for the preprocessor: 1.2.3 is 1002003. */
#define COLORIZE_VERSION (COLORIZE_VERSION_MAJOR * 1000000 + COLORIZE_VERSION_MINOR * 1000 + COLORIZE_VERSION_PATCH)

/* The version of the library that is loaded, as COLORIZE_VERSION counts. */
uint32_t colorize_version(void);

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/* One of the constants below. They are never renumbered; later versions append. */
typedef int32_t colorize_status;
enum {
  COLORIZE_OK = 0,
  COLORIZE_INVALID_ARGUMENT = 1, /* a pointer, size, format, option or environment value that is not accepted */
  COLORIZE_OUT_OF_MEMORY = 2,    /* memory could not be allocated; nothing was written */
  COLORIZE_CANNOT_READ_FILE = 3, /* the file cannot be opened or read, or is not a regular file */
  COLORIZE_INVALID_MODEL = 4,    /* not a model file, or a damaged or incomplete one; or a sum overflowed, because of
                                    the weights or of inputs of 1e30 and more */
  COLORIZE_UNSUPPORTED_MODEL = 5, /* an intact file whose architecture or number format this version does not know */
  COLORIZE_CANCELLED = 6         /* the progress callback asked to stop */
};

/* The name of the constant, for example "COLORIZE_OUT_OF_MEMORY"; "COLORIZE_UNKNOWN_STATUS" for any other
 * number. A static string. */
const char *colorize_status_name(colorize_status status);

/* What went wrong. Owned by the caller, on the stack or anywhere; needs no initialization. Frozen: never grows. */
typedef struct colorize_error {
  colorize_status status; /* the same value that the function returned */
  char message[252];      /* UTF-8, ends with a zero byte, shortened between characters if it does not fit */
} colorize_error;

/* ---- Images ----------------------------------------------------------------------------------------------------- */

/* The layout of a pixel: channels of 8 bits (0 to 255), of 16 bits (0 to 65535, in the processor's byte order), or
 * floats (0 to 1). They are sRGB-encoded; alpha is not premultiplied. No alignment is needed. Later versions append.
 *
 * Floats below 0 count as 0, those above 1 as 1, and NaN as 0; alpha is only copied. The network sees 8 bits a channel:
 * 16 bits and floats are rounded to the nearest of 256 levels for it. The result keeps the lightness of all their
 * bits. */
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
  size_t row_bytes;       /* from the first byte of a row to that of the next: width * bytes per pixel, or more */
  uint32_t width;         /* in pixels, 1 to 1048576 */
  uint32_t height;        /* in pixels, 1 to 1048576 */
  colorize_format format; /* COLORIZE_GRAY8, ... */
  uint32_t reserved[3];   /* zero */
} colorize_image;

/* ---- Models ----------------------------------------------------------------------------------------------------- */

/* A network with its weights, ready to run. Opaque; created by an open function, freed by colorize_model_close. */
typedef struct colorize_model colorize_model;

/* The values of a network's mask input where there is a hint and where there is none. */
typedef int32_t colorize_mask_convention;
enum {
  COLORIZE_MASK_ZERO_ONE = 1, /* 1 and 0: nearly all networks that take hints */
  COLORIZE_MASK_CENTRED = 2   /* 0.5 and -0.5: some checkpoints (docs/published-networks.md) */
};

/* The numbers that weights are multiplied in. */
typedef int32_t colorize_precision;
enum {
  COLORIZE_PRECISION_DEFAULT = 0, /* COLORIZE_PRECISION_FLOAT32 */
  COLORIZE_PRECISION_FLOAT32 = 1, /* within the bounds of docs/exactness.md */
  /* Weights, and what they are multiplied by, are rounded to 8 bits of mantissa; sums are of float32. Faster where a
   * network has linear layers, and less exact; docs/exactness.md says by how much. Opening a model is
   * COLORIZE_INVALID_ARGUMENT where the processor has no AVX-512 BF16, or where other kernels are asked for. */
  COLORIZE_PRECISION_BFLOAT16 = 2
};

/* How to open a model. NULL or zeros: as the file says. */
typedef struct colorize_model_options {
  size_t struct_size; /* sizeof(colorize_model_options) */
  /* The temperature that the network's plain softmax corresponds to: its logits are multiplied by this before they are
   * divided by the caller's temperature. 0.01 to 100, or 0: what the file says, or else the network's own, usually
   * 1. */
  float plain_softmax_temperature;
  /* 0: what the file says, or else COLORIZE_MASK_ZERO_ONE. The caller's masks are 0 and 1 either way. */
  colorize_mask_convention mask_convention;
  colorize_precision precision; /* since 0.2.0 */
  uint32_t reserved;            /* zero */
} colorize_model_options;

/* What a model is. Strings belong to the model and live as long as it does. */
typedef struct colorize_model_description {
  size_t struct_size;             /* in: sizeof(colorize_model_description); that much is written, zero if unknown */
  const char *architecture;       /* the name of the network; docs/published-networks.md lists them */
  const char *licence;            /* the licence of the weights as the file states it; "" if it does not */
  const char *instruction_set;    /* what the model was opened for: "avx512", "avx2" or "baseline" */
  uint64_t parameters;            /* number of weights */
  uint32_t default_network_size;  /* the side, in pixels, at which the network sees a picture by default */
  uint32_t network_size_multiple; /* colorize_predict takes sides that are multiples of this */
  uint32_t output_stride;         /* see network_size_rounding */
  uint32_t bins;                  /* number of ab bins in its distribution; 0: it has none */
  uint32_t takes_hints;           /* 1 if colorize_predict may be given hints, else 0 */
  float plain_softmax_temperature; /* see colorize_model_options */
  /* The sides of the ab from colorize_predict are those of its input, rounded up to multiples of this and divided by
   * output_stride. Those of the probabilities from colorize_distribution are divided by distribution_stride, which is
   * 0 if there is no distribution. docs/published-networks.md has these numbers for every network. */
  uint32_t network_size_rounding;
  uint32_t distribution_stride;
  colorize_mask_convention mask_convention; /* COLORIZE_MASK_ZERO_ONE if the network takes no hints */
  uint32_t reserved;                        /* zero */
  const char *gemm;                         /* what multiplies matrices: "own" or "openblas" */
  /* For OpenBLAS: its version and build options, in its own words, and the processor whose kernels it uses ("SkylakeX",
   * or "Prescott" if it does not recognize the processor and is slow). "" for own. */
  const char *gemm_configuration;
  const char *gemm_core;
} colorize_model_description;

/* Opens the model that is built into the library. Takes a few milliseconds. *model is NULL after an error. */
colorize_status colorize_model_open_default(colorize_model **model, colorize_error *error);

/* Opens a model file: safetensors, or a checkpoint as PyTorch saves it (a state dict, .pth, in the zip or the older
 * container; nothing in it is executed). docs/model-format.md has the details. The network is the one that the file's
 * metadata names, or else the one whose tensors have these names and shapes. The file is read before the call returns
 * and may then be changed or removed. Weights are packed by one thread for each processor that the calling thread may
 * run on; these end before the call returns. `path` is a file name as for open(). *model is NULL after an error. */
colorize_status colorize_model_open(const char *path, const colorize_model_options *options, colorize_model **model,
                                    colorize_error *error);

/* The same from `size` bytes in memory, which may be freed as soon as the call has returned. */
colorize_status colorize_model_open_memory(const void *bytes, size_t size, const colorize_model_options *options,
                                           colorize_model **model, colorize_error *error);

/* Fills `description`; the caller sets its struct_size. */
colorize_status colorize_model_info(const colorize_model *model, colorize_model_description *description);

/* Frees a model and everything that belongs to it. No other call may be using it. NULL is a no-op. */
void colorize_model_close(colorize_model *model);

/* ---- Coloring --------------------------------------------------------------------------------------------------- */

/* Called every few milliseconds, on the thread that made the call, with the share of the work that is done. `fraction`
 * goes from 0 to 1, never decreases, and is 1 once, at the end. Return 0 to continue; any other value stops the call,
 * which returns COLORIZE_CANCELLED a few milliseconds later. */
typedef int32_t (*colorize_progress)(void *user_data, float fraction);

typedef int32_t colorize_preset;
enum {
  COLORIZE_PRESET_DEFAULT = 0, /* the best picture that this version can make; may change between versions */
  COLORIZE_PRESET_REFERENCE = 1 /* exactly the steps of the network's published Python pipeline
                                   (docs/published-networks.md): usually, the picture is squashed to 256x256 with
                                   Pillow's bicubic filter, upsampling is bilinear, colors are clipped to sRGB, and
                                   hints only go to the network */
};

/* How the picture is resized for the network. */
typedef int32_t colorize_network_fit;
enum {
  COLORIZE_FIT_DEFAULT = 0, /* COLORIZE_FIT_SQUARE */
  COLORIZE_FIT_SQUARE = 1,  /* squashed to a square of network_size */
  COLORIZE_FIT_ASPECT = 2   /* the picture's proportions, with about as many pixels as that square: each side is rounded
                               to the nearest multiple of the model's network_size_multiple, at least one and at most
                               2048 */
};

/* How the network's colors, which are a few hundred pixels wide, are enlarged to the picture's size. */
typedef int32_t colorize_upsampling;
enum {
  COLORIZE_UPSAMPLING_DEFAULT = 0, /* guided; bilinear with COLORIZE_PRESET_REFERENCE */
  COLORIZE_UPSAMPLING_BILINEAR = 1,
  COLORIZE_UPSAMPLING_GUIDED = 2 /* follows the edges in the picture's lightness, so that colors end where objects do */
};

/* What to do with a color that is outside sRGB at the pixel's lightness. */
typedef int32_t colorize_gamut_mapping;
enum {
  COLORIZE_GAMUT_DEFAULT = 0,  /* keep hue; clip with COLORIZE_PRESET_REFERENCE */
  COLORIZE_GAMUT_CLIP = 1,     /* clip red, green and blue to 0 to 1: lightness and hue may change */
  COLORIZE_GAMUT_KEEP_HUE = 2  /* reduce the chroma to the largest that sRGB has at this lightness and hue (CIE Lab) */
};

/* Names for pairs of temperature and saturation. Each value applies if the option itself is 0. */
typedef int32_t colorize_style;
enum {
  COLORIZE_STYLE_DEFAULT = 0, /* temperature 0.38, saturation 1 */
  COLORIZE_STYLE_NATURAL = 1, /* temperature 0.6, saturation 0.9: quiet, and rarely wrong by much */
  COLORIZE_STYLE_VIVID = 2    /* temperature 0.25, saturation 1.3: strong, and sometimes wrong by much */
};

/* The color space of a hint's color. */
typedef int32_t colorize_color_space;
enum {
  COLORIZE_COLOR_AB = 1,  /* color[0] and color[1]: a and b of CIE Lab; color[2] is 0 */
  COLORIZE_COLOR_RGB = 2  /* color: red, green and blue, sRGB-encoded, 0 to 1; only their a and b are used */
};

/* A color that the user knows, or wants, at a place in the picture. The lightness of the picture does not change.
 * Frozen: `reserved` must be zero. */
typedef struct colorize_hint {
  float x;      /* the center, in pixels from the picture's left edge: 0 to its width; the first pixel has 0.5 */
  float y;      /* and from its top edge: 0 to its height */
  float radius; /* half the side, in pixels, of a square of this color, 0 to 1048576; 0: a point */
  colorize_color_space space;
  float color[3]; /* a and b must be those of a color in sRGB */
  uint32_t reserved;
} colorize_hint;

/* Hints as planes of the size of the picture: strokes, or a sparse coloring. */
typedef struct colorize_hint_map {
  size_t struct_size;   /* sizeof(colorize_hint_map) */
  const float *ab;      /* [height, width, 2]: a and b of CIE Lab, -128 to 128; read where the mask is not 0 */
  size_t ab_row_bytes;  /* from one row to the next: at least 8 * width, a multiple of 4 */
  const uint8_t *mask;  /* [height, width]: 0 where there is no hint */
  size_t mask_row_bytes; /* at least width */
} colorize_hint_map;

/* How to run a model. NULL or zeros: the defaults. */
typedef struct colorize_options {
  size_t struct_size;     /* sizeof(colorize_options) */
  colorize_preset preset; /* default COLORIZE_PRESET_DEFAULT */
  /* The side, in pixels, of the square to which the picture is squashed for the network, or whose area it keeps (see
   * network_fit): a multiple of the model's network_size_multiple, up to 2048. Default: the model's own (preset
   * reference: the release's, usually 256). Memory and time grow with its square. */
  uint32_t network_size;
  /* The temperature of the annealed mean (Zhang et al. 2016, section 2.3), 0.01 to 10. Near 0 each color is that of the
   * most probable bin, vivid and patchy; at 1 it is the plain mean, even and dull. Default: 0.38, the paper's.
   * Colors that are predicted by regression have no temperature: use `saturation` instead. It is an error to give one
   * to a network without a distribution. */
  float temperature;
  /* The number of threads for this call, including the calling one: 1 to 256. Default: the number of processors that
   * the calling thread may run on. It does not affect the result. */
  uint32_t threads;
  colorize_progress progress; /* default: none */
  void *user_data;            /* passed to `progress` */
  /* The rest is for colorize_run and sessions; colorize_predict and colorize_distribution ignore it. */
  colorize_network_fit network_fit;
  colorize_style style;
  float saturation; /* multiplies a and b: 0.01 to 10. Default: 1 */
  colorize_upsampling upsampling;
  colorize_gamut_mapping gamut_mapping;
  /* 0: the most likely coloring. 1 to 4: others that the network considers possible, each coherent over the whole
   * picture: the distributions are tilted along the two directions of the ab plane in which they are least certain, one
   * way and then the other. Not for networks that predict colors by regression. */
  uint32_t variant;
  /* Known colors at some places, at most 1048576, for a network that takes hints. They become squares of at least one
   * pixel in the network's input; several in one pixel are averaged. With the default preset, the result is also pulled
   * towards them where the network does not follow. NULL and 0: none. */
  const colorize_hint *hints;
  size_t hint_count;
  const colorize_hint_map *hint_map; /* more hints, as planes; NULL: none */
  /* A picture whose colors to use: the distribution of a and b is matched to that of this picture, which may have any
   * size and any format with colors. A pixel counts as much as its alpha, unless every alpha is 0. NULL: none */
  const colorize_image *palette;
  float palette_strength; /* how closely to match it, 0.01 to 1. Default: 1 */
  /* How far hints reach with the default preset. 0, the default: each colors the thing that it is on. A number: that,
   * but nothing further than so many pixels of the picture from the nearest hint, give or take what one position of
   * the network covers. INFINITY: the network's answer counts in the whole picture, where an improbable hint may
   * change what is far away; the preset `reference` does only that. */
  float hint_reach;
} colorize_options;

/* Sets every field to its default, and struct_size to `struct_size`, which must be sizeof(colorize_options). All
 * defaults are zero; the function is for languages that do not initialize structs. NULL is a no-op. */
void colorize_options_init(colorize_options *options, size_t struct_size);

/* Colors `in` and writes the result to `out`, which has the same width and height, a format with colors, and channels
 * of any depth. Only the lightness of `in` matters, and the result has the same lightness, apart from rounding. Alpha
 * is copied between channels of the same depth and rounded otherwise; if only `out` has alpha, it is 1 (255, 65535).
 *
 * `out` may be the same image as `in` (the same pixels, row_bytes and bytes per pixel). Otherwise the two must not
 * overlap: the rows of one may lie between those of the other only if both have the same row_bytes, and no byte may
 * belong to both.
 *
 * Memory: for each pixel that the network sees, its activations take some bytes (docs/published-networks.md: 140 for
 * the built-in model, 10 MB at 256x256), plus working memory of at most 10 MB, or 6 MB for each thread; more where a
 * network attends to all positions. A model keeps up to 96 MB of it for its next run.
 * (With OpenBLAS the working memory is 2 MB for each thread, and OpenBLAS maps and keeps another 128 MB for each, of
 * which it touches a few.) Everything else grows with the sides of the picture, not with its area: about 20 bytes for
 * each row, 30 for each column, and 12 more for each column and thread; and 8 bytes for each pixel of the network's ab
 * or, with COLORIZE_UPSAMPLING_GUIDED, 45 for each pixel that the network sees.
 *
 * Nothing is written while the network runs. Once rows are being written, an error or a cancel leaves `out` undefined
 * (and `in` too, if they are the same). */
colorize_status colorize_run(const colorize_model *model, const colorize_image *in, const colorize_image *out,
                             const colorize_options *options, colorize_error *error);

/* Runs the network alone, on the input that it takes: PyTorch's model(lightness, hints, mask).
 *   width, height  of the network's input: multiples of the model's network_size_multiple, from that up to 2048
 *   lightness      [height, width], L of CIE Lab, 0 to 100
 *   hints          [2, height, width], a and b of CIE Lab, -128 to 128. Must be 0 where there is no hint, because the
 *                  network reads all of them. NULL: none
 *   mask           [height, width], 1 where there is a hint, else 0. Other values are passed on, although networks are
 *                  not trained with them (with COLORIZE_MASK_CENTRED, 0.5 is subtracted). NULL: none. Give both hints
 *                  and mask, or neither
 *   ab             out: [2, H, W], a and b of CIE Lab; H and W: see colorize_model_description
 * All arrays are row-major without padding. Values that are not finite are an error. The options used are
 * `temperature`, `threads` and the progress callback. After an error or a cancel `ab` is unchanged.
 *
 * A network gives the annealed mean of its distribution, or colors that it predicts by regression, which the
 * temperature does not affect. */
colorize_status colorize_predict(const colorize_model *model, uint32_t width, uint32_t height, const float *lightness,
                                 const float *hints, const float *mask, const colorize_options *options, float *ab,
                                 colorize_error *error);

/* The probability of each ab bin, at the network's resolution: softmax(logits / temperature). The arguments are those
 * of colorize_predict, but the default temperature is 1: the distribution that the network was trained to give.
 *   probabilities  out: [bins, H, W], 0 to 1, summing to 1 over the bins; H and W: see colorize_model_description */
colorize_status colorize_distribution(const colorize_model *model, uint32_t width, uint32_t height,
                                      const float *lightness, const float *hints, const float *mask,
                                      const colorize_options *options, float *probabilities, colorize_error *error);

/* The centers of the bins, in the order of colorize_distribution.
 *   centres        out: [bins, 2], a and b of CIE Lab; `bins` must be the model's number of bins */
colorize_status colorize_bin_centres(const colorize_model *model, uint32_t bins, float *centres, colorize_error *error);

/* ---- Sessions --------------------------------------------------------------------------------------------------- */

/* For coloring one picture many times, as when a user sets one hint after another: whatever does not depend on hints
 * and dials is computed once. A session holds a copy of the picture, and the model, which may be closed before it.
 * Opaque; created by colorize_session_open, freed by colorize_session_close. A session never changes: any number of
 * threads may use one at the same time. */
typedef struct colorize_session colorize_session;

/* Begins a session with a picture. The options used are `preset`, `network_size`, `network_fit`, `threads` and the
 * progress callback. The first three hold for the whole session; the other functions ignore them. *session is NULL
 * after an error. */
colorize_status colorize_session_open(const colorize_model *model, const colorize_image *in,
                                      const colorize_options *options, colorize_session **session,
                                      colorize_error *error);

/* Frees a session and everything that belongs to it. No other call may be using it. NULL is a no-op. */
void colorize_session_close(colorize_session *session);

/* Gives what colorize_run gives for the picture, byte for byte, in the time of the network and the last stage. No other
 * call may read `out` meanwhile. */
colorize_status colorize_session_run(const colorize_session *session, const colorize_image *out,
                                     const colorize_options *options, colorize_error *error);

/* A color that a pixel may have. Frozen. */
typedef struct colorize_suggestion {
  float probability; /* 0 to 1, of this color and those near it */
  float a;           /* a and b of CIE Lab, moved into sRGB at the pixel's lightness without changing their hue */
  float b;
  float rgb[3];      /* red, green and blue at the pixel's lightness, sRGB-encoded, 0 to 1 */
} colorize_suggestion;

/* The most plausible colors at some pixels (Zhang et al. 2017, section 3.3): the network's distribution there, divided
 * into groups of bins around its peaks, most probable first.
 *   points       [count, 2]: x and y in pixels, as in colorize_hint
 *   count        1 to 65536
 *   colors       how many for each point: 1 to 32
 *   suggestions  out: [count, colors]; if there are fewer, the rest have the probability 0
 * The options used are the hints, `temperature` (default: 1, the distribution that the network was trained to give),
 * `threads` and the progress callback. After an error or a cancel `suggestions` is unchanged. */
colorize_status colorize_session_suggest(const colorize_session *session, const float *points, size_t count,
                                         uint32_t colors, const colorize_options *options,
                                         colorize_suggestion *suggestions, colorize_error *error);

/* How sure the network is: 1 - entropy / log(bins) of its distribution at the temperature, from 0 (anything goes) to 1
 * (one bin), enlarged bilinearly to the size of the picture.
 *   confidence   out: [height, width], a row every row_bytes (at least 4 * width, a multiple of 4)
 * The options are those of colorize_session_suggest. Nothing is written while the network runs. Once rows are being
 * written, an error or a cancel leaves `confidence` undefined. */
colorize_status colorize_session_confidence(const colorize_session *session, const colorize_options *options,
                                            float *confidence, size_t row_bytes, colorize_error *error);

/* ---- Sequences -------------------------------------------------------------------------------------------------- */

/* For the frames of a film: colors stay with what they are on instead of flickering. Motion since the frame before is
 * looked for in the lightness that the network sees; the colors of that frame are carried along it, and averaged with
 * the network's as far as lightness agrees. docs/video.md explains it and has figures. A frame goes in and a frame
 * comes out: there is no delay, and nothing to flush.
 *
 * A sequence keeps what it needs of the frame before, and the model, which may be closed before it. Its memory does not
 * grow: some 45 bytes for each pixel that the network sees. Opaque; created by colorize_sequence_open, freed by
 * colorize_sequence_close. One call at a time may use a sequence, from any thread; another one meanwhile, also from a
 * callback, is an error. A child of fork() may go on with the sequences that no call was using. */
typedef struct colorize_sequence colorize_sequence;

/* How colors stay. NULL or zeros: the defaults. */
typedef struct colorize_sequence_options {
  size_t struct_size; /* sizeof(colorize_sequence_options) */
  /* The most frames that a color is the mean of: 1 (every frame is colored by itself) to 100. Default: 16 */
  float steadiness;
  /* The network runs on one frame of so many at least, 1 to 100, and otherwise where more than a fiftieth of a frame is
   * new: faster, and less exact. Default: 1, every frame */
  uint32_t keyframe_interval;
  /* 0: a frame that has nothing in common with the one before begins a shot, as if the sequence had been reset. 1: only
   * colorize_sequence_reset begins one */
  uint32_t keep_over_cuts;
  uint32_t reserved; /* zero */
} colorize_sequence_options;

/* How a frame was colored. */
typedef struct colorize_frame_report {
  size_t struct_size;   /* in: sizeof(colorize_frame_report); that much is written, zero if unknown */
  uint32_t begins_shot; /* 1 for the first frame and after a cut or a reset: what colorize_run gives */
  uint32_t ran_network; /* 0 if it was not this frame's turn, see keyframe_interval */
  float agreement;      /* how far carried colors were believed: the mean over the frame, 0 to 1 */
  uint32_t hints;       /* the hints in effect, carried ones included */
} colorize_frame_report;

/* Begins a sequence of frames of one size.
 *   width, height     of the frames, in pixels, 1 to 1048576
 *   options           `network_size`, `network_fit` and `upsampling`, which hold for all frames. `preset` must be the
 *                     default. NULL: the defaults
 *   sequence_options  NULL: the defaults
 * *sequence is NULL after an error. */
colorize_status colorize_sequence_open(const colorize_model *model, uint32_t width, uint32_t height,
                                       const colorize_options *options,
                                       const colorize_sequence_options *sequence_options, colorize_sequence **sequence,
                                       colorize_error *error);

/* Colors the next frame, as colorize_run does a picture; formats may differ from frame to frame. The options of
 * colorize_sequence_open are ignored here; hint_map must be NULL. Hints are of this frame, and are carried with what
 * they mark until it is gone or a shot begins. Another style, temperature, saturation, variant or strength of a palette
 * takes effect at once, a palette itself little by little.
 *   report  NULL, or filled on success; the caller sets its struct_size
 * After an error or a cancel the sequence is as it was before the call, and `out` as colorize_run leaves it. */
colorize_status colorize_sequence_run(colorize_sequence *sequence, const colorize_image *in, const colorize_image *out,
                                      const colorize_options *options, colorize_frame_report *report,
                                      colorize_error *error);

/* Forgets all frames and hints: the next frame begins a shot. */
colorize_status colorize_sequence_reset(colorize_sequence *sequence, colorize_error *error);

/* Frees a sequence and everything that belongs to it. No other call may be using it. NULL is a no-op. */
void colorize_sequence_close(colorize_sequence *sequence);

/* ---- Color ------------------------------------------------------------------------------------------------------ */

/* Both functions take `count` pixels of three floats each, and may work in place (lab == rgb). The white point is D65
 * (2 degrees). The results are those of scikit-image's rgb2lab and lab2rgb, to 1e-3 in Lab and 1e-4 in RGB. */

/* From sRGB-encoded values, 0 to 1 (others are not clipped), to L, 0 to 100, a and b. */
colorize_status colorize_rgb_to_lab(const float *rgb, float *lab, size_t count, colorize_error *error);

/* And back. If clip is 0, colors outside sRGB keep their values below 0 or above 1; otherwise each channel is clipped
 * to 0 to 1. */
colorize_status colorize_lab_to_rgb(const float *lab, float *rgb, size_t count, int32_t clip, colorize_error *error);

/* The gamut of sRGB at a lightness: the largest chroma at each hue.
 *   lightness      L of CIE Lab, 0 to 100
 *   hues           [count] in degrees: atan2(b, a); any finite number
 *   chroma         out: [count], 0 to 134; may be `hues` */
colorize_status colorize_gamut_chroma(float lightness, const float *hues, float *chroma, size_t count,
                                      colorize_error *error);

#ifdef __cplusplus
}
#endif
#endif
