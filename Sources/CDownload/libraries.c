/* libraries.c: finds libcurl, libcrypto and their functions. */
#define _GNU_SOURCE
#include "libraries.h"

#include <dlfcn.h>
#include <stdio.h>

#include "include/download.h"

typedef struct {
  const char *name;
  void **place;
} wanted_function;

/* Debian and its kin build libcurl with OpenSSL and with GnuTLS, under two names. */
static const char *const curl_names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
static const char *const crypto_names[] = {"libcrypto.so.3", "libcrypto.so.1.1", NULL};

/* Whether one of the libraries is there and has all of the functions. */
static bool find(const char *const *names, const wanted_function *functions, size_t count) {
  for (; *names != NULL; names++) {
    void *handle = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) continue;
    bool has_all = true;
    for (size_t i = 0; i < count; i++) {
      *functions[i].place = dlsym(handle, functions[i].name);
      has_all = has_all && *functions[i].place != NULL;
    }
    if (has_all) return true;
    dlclose(handle);
  }
  return false;
}

const struct curl_library *load_curl(char *message) {
  static struct curl_library library;
  static bool is_loaded;
  if (is_loaded) return &library;
  const wanted_function functions[] = {
      {"curl_global_init", (void **)&library.global_init},
      {"curl_easy_init", (void **)&library.easy_init},
      {"curl_easy_setopt", (void **)&library.easy_setopt},
      {"curl_easy_perform", (void **)&library.easy_perform},
      {"curl_easy_getinfo", (void **)&library.easy_getinfo},
      {"curl_easy_strerror", (void **)&library.easy_strerror},
      {"curl_easy_cleanup", (void **)&library.easy_cleanup},
  };
  is_loaded = find(curl_names, functions, sizeof functions / sizeof *functions) &&
              library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (is_loaded) return &library;
  snprintf(message, DOWNLOAD_MESSAGE_SIZE, "downloads need libcurl (Debian: apt-get install libcurl4)");
  return NULL;
}

const struct crypto_library *load_crypto(char *message) {
  static struct crypto_library library;
  static bool is_loaded;
  if (is_loaded) return &library;
  const wanted_function functions[] = {
      {"EVP_MD_CTX_new", (void **)&library.md_new},
      {"EVP_MD_CTX_free", (void **)&library.md_free},
      {"EVP_sha256", (void **)&library.sha256},
      {"EVP_DigestInit_ex", (void **)&library.init},
      {"EVP_DigestUpdate", (void **)&library.update},
      {"EVP_DigestFinal_ex", (void **)&library.final},
  };
  is_loaded = find(crypto_names, functions, sizeof functions / sizeof *functions);
  if (is_loaded) return &library;
  snprintf(message, DOWNLOAD_MESSAGE_SIZE,
           "checking a file's SHA-256 needs OpenSSL's libcrypto (Debian: apt-get install libssl3)");
  return NULL;
}
