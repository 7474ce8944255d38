/* Downloads by HTTP, and SHA-256. C, because libcurl's functions take any number of arguments.
 *
 * libcurl and libcrypto are loaded when a function here needs them, and not linked: who fetches no weights needs
 * neither.
 */
#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DOWNLOAD_MESSAGE_SIZE = 512, DOWNLOAD_SHA256_SIZE = 32 };

typedef enum {
  DOWNLOAD_COMPLETE,
  DOWNLOAD_BROKEN,        /* what came is in the file; the message says what went wrong */
  DOWNLOAD_NO_RANGES,     /* the server cannot go on where the file ends: empty it, and begin anew */
  DOWNLOAD_TOO_LARGE,     /* there is more of it than there may be */
  DOWNLOAD_UNWRITTEN,     /* the file cannot be written; the message says why */
  DOWNLOAD_STOPPED,       /* `progress` wanted so */
  DOWNLOAD_NO_LIBRARY,    /* the message says what to install */
} download_status;

/* Appends to a file what it lacks of a URL.
 *
 * file      a descriptor that is open for appending
 * size      the bytes that are in it; behind them the server goes on
 * largest   how many bytes the file may have in the end
 * progress  is called from time to time, at least once a second, with the bytes that are there and those that there
 *           will be, 0 if that is not known; true stops the download
 * context   is given to it
 * message   DOWNLOAD_MESSAGE_SIZE bytes, for an error
 *
 * A server that is silent for 30 seconds when it is connected to, or sends less than 64 KB in a minute, is given up.
 */
download_status download(const char *_Nonnull url, int file, int64_t size, int64_t largest,
                         bool (*_Nonnull progress)(void *_Nullable context, int64_t received, int64_t total),
                         void *_Nullable context, char *_Nonnull message);

/* The SHA-256 of what an open file holds, from its beginning. False: the message says why not. */
bool download_sha256(int file, unsigned char *_Nonnull digest, char *_Nonnull message);

/* Whether nobody else holds a lock on a file, which is then held until the descriptor is closed. */
bool download_lock(int file);

#endif
