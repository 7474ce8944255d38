/* sha256.c: SHA-256 by OpenSSL, which uses the processor's own instructions. Linked statically: only this function of it is
 * needed, 30 KB instead of a library of 5 MB.
 *
 * C, because OpenSSL is.
 */
/* The short way to it, which OpenSSL 3 calls deprecated in favor of one that can be configured at run time. */
#define OPENSSL_SUPPRESS_DEPRECATED
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "include/provenance.h"
#include "hash.h"

_Static_assert(PROVENANCE_DIGEST_SIZE == SHA256_DIGEST_LENGTH, "SHA-256");

static void write_hex(const unsigned char *digest, char *hex) {
  for (int i = 0; i < PROVENANCE_DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void provenance_hash(const void *bytes, size_t size, char hex[PROVENANCE_HEX_SIZE]) {
  unsigned char digest[PROVENANCE_DIGEST_SIZE];
  SHA256(bytes, size, digest);
  write_hex(digest, hex);
}

struct image_hash {
  SHA256_CTX state;
};

image_hash *image_hash_begin(void) {
  image_hash *hash = malloc(sizeof *hash);
  if (hash != NULL) SHA256_Init(&hash->state);
  return hash;
}

void image_hash_add(image_hash *hash, const void *bytes, size_t size) {
  SHA256_Update(&hash->state, bytes, size);
}

void image_hash_end(image_hash *hash, char hex[PROVENANCE_HEX_SIZE]) {
  unsigned char digest[PROVENANCE_DIGEST_SIZE];
  SHA256_Final(digest, &hash->state);
  write_hex(digest, hex);
  free(hash);
}

bool provenance_hash_file(const char *path, image_file_stop stop, char hex[PROVENANCE_HEX_SIZE]) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool is_read = image_hash_descriptor(descriptor, stop, hex);
  const int reason = errno;
  close(descriptor);
  errno = reason;
  return is_read;
}

bool image_hash_descriptor(int descriptor, image_file_stop stop, char hex[PROVENANCE_HEX_SIZE]) {
  unsigned char buffer[65536];
  image_hash hash;
  SHA256_Init(&hash.state);
  off_t offset = 0;
  ssize_t size;
  do {
    size = pread(descriptor, buffer, sizeof buffer, offset);
    if (size < 0 && errno == EINTR && (stop == NULL || !stop())) continue;
    if (size < 0) return false;
    SHA256_Update(&hash.state, buffer, (size_t)size);
    offset += size;
  } while (size != 0 && (stop == NULL || !stop()));
  unsigned char digest[PROVENANCE_DIGEST_SIZE];
  SHA256_Final(digest, &hash.state);
  write_hex(digest, hex);
  return true;
}
