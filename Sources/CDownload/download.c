/* download.c: one transfer, a digest, a lock. */
#define _GNU_SOURCE
#include "include/download.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libraries.h"

struct transfer {
  int file;
  int64_t before; /* the bytes that were there at the beginning */
  int64_t size;   /* and now */
  int64_t largest;
  bool (*progress)(void *, int64_t, int64_t);
  void *context;
  int write_error;
  bool is_too_large;
  bool is_stopped;
};

static size_t receive(char *bytes, size_t one, size_t count, void *context) {
  struct transfer *transfer = context;
  (void)one; /* is 1 */
  if ((int64_t)count > transfer->largest - transfer->size) {
    transfer->is_too_large = true;
    return 0;
  }
  for (size_t written = 0; written < count;) {
    ssize_t now = write(transfer->file, bytes + written, count - written);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) {
      transfer->write_error = now < 0 ? errno : ENOSPC;
      return 0;
    }
    written += (size_t)now;
    transfer->size += now;
  }
  return count;
}

static int report(void *context, curl_off_t total, curl_off_t received, curl_off_t up_total, curl_off_t up) {
  struct transfer *transfer = context;
  (void)received, (void)up_total, (void)up;
  if (total > transfer->largest) {
    transfer->is_too_large = true;
    return 1;
  }
  transfer->is_stopped = transfer->progress(transfer->context, transfer->size, total > 0 ? transfer->before + total : 0);
  return transfer->is_stopped;
}

download_status download(const char *url, int file, int64_t size, int64_t largest,
                         bool (*progress)(void *, int64_t, int64_t), void *context, char *message) {
  const struct curl_library *curl = load_curl(message);
  if (curl == NULL) return DOWNLOAD_NO_LIBRARY;
  CURL *handle = curl->easy_init();
  if (handle == NULL) {
    snprintf(message, DOWNLOAD_MESSAGE_SIZE, "libcurl does not start");
    return DOWNLOAD_BROKEN;
  }
  struct transfer transfer = {
      .file = file, .before = size, .size = size, .largest = largest, .progress = progress, .context = context};
  char reason[CURL_ERROR_SIZE] = "";
  CURLcode code = CURLE_OK;
#define SET(option, value) \
  if (code == CURLE_OK) code = curl->easy_setopt(handle, CURLOPT_##option, value)
  SET(URL, url);
  SET(ERRORBUFFER, reason);
  SET(USERAGENT, "libcolorize");
  /* A file of the server's, or a gopher's, is none of what is wanted; nor is a leak of the name after a redirection. */
  SET(PROTOCOLS_STR, "http,https");
  SET(REDIR_PROTOCOLS_STR, strncmp(url, "https:", 6) == 0 ? "https" : "http,https");
  SET(FOLLOWLOCATION, 1L);
  SET(MAXREDIRS, 10L);
  SET(FAILONERROR, 1L);
  SET(NOSIGNAL, 1L);
  SET(CONNECTTIMEOUT, 30L);
  SET(LOW_SPEED_LIMIT, (long)(64 << 10) / 60);
  SET(LOW_SPEED_TIME, 60L);
  SET(RESUME_FROM_LARGE, (curl_off_t)size);
  SET(WRITEFUNCTION, receive);
  SET(WRITEDATA, &transfer);
  SET(NOPROGRESS, 0L);
  SET(XFERINFOFUNCTION, report);
  SET(XFERINFODATA, &transfer);
#undef SET
  if (code == CURLE_OK) code = curl->easy_perform(handle);
  snprintf(message, DOWNLOAD_MESSAGE_SIZE, "%s", reason[0] != 0 ? reason : curl->easy_strerror(code));
  long answer = 0;
  curl->easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer);
  curl->easy_cleanup(handle);
  if (transfer.is_stopped) return DOWNLOAD_STOPPED;
  if (transfer.is_too_large) return DOWNLOAD_TOO_LARGE;
  if (transfer.write_error != 0) {
    snprintf(message, DOWNLOAD_MESSAGE_SIZE, "%s", strerror(transfer.write_error));
    return DOWNLOAD_UNWRITTEN;
  }
  /* There is nothing behind what is there: that is all, or never was a part; its SHA-256 will say. */
  if (answer == 416 && size > 0) return DOWNLOAD_COMPLETE;
  if (code == CURLE_RANGE_ERROR) return DOWNLOAD_NO_RANGES;
  return code == CURLE_OK ? DOWNLOAD_COMPLETE : DOWNLOAD_BROKEN;
}

bool download_sha256(int file, unsigned char *digest, char *message) {
  const struct crypto_library *crypto = load_crypto(message);
  if (crypto == NULL) return false;
  enum { BLOCK = 1 << 20 };
  snprintf(message, DOWNLOAD_MESSAGE_SIZE, "out of memory");
  unsigned char *bytes = malloc(BLOCK);
  EVP_MD_CTX *state = crypto->md_new();
  bool is_done = bytes != NULL && state != NULL && crypto->init(state, crypto->sha256(), NULL) == 1;
  int64_t position = 0;
  while (is_done) {
    ssize_t count = pread(file, bytes, BLOCK, position);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) break;
    if (count < 0) snprintf(message, DOWNLOAD_MESSAGE_SIZE, "%s", strerror(errno));
    is_done = count > 0 && crypto->update(state, bytes, (size_t)count) == 1;
    position += count;
  }
  is_done = is_done && crypto->final(state, digest, NULL) == 1;
  crypto->md_free(state);
  free(bytes);
  return is_done;
}

bool download_lock(int file) { return flock(file, LOCK_EX | LOCK_NB) == 0; }
