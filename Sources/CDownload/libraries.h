/* libraries.h: libcurl and libcrypto, loaded when they are first needed. As CImageFiles' tiff_library.h. */
#ifndef LIBRARIES_H
#define LIBRARIES_H

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdbool.h>

struct curl_library {
  __typeof__(curl_global_init) *global_init;
  __typeof__(curl_easy_init) *easy_init;
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  __typeof__(curl_easy_perform) *easy_perform;
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  __typeof__(curl_easy_strerror) *easy_strerror;
  __typeof__(curl_easy_cleanup) *easy_cleanup;
};

struct crypto_library {
  __typeof__(EVP_MD_CTX_new) *md_new;
  __typeof__(EVP_MD_CTX_free) *md_free;
  __typeof__(EVP_sha256) *sha256;
  __typeof__(EVP_DigestInit_ex) *init;
  __typeof__(EVP_DigestUpdate) *update;
  __typeof__(EVP_DigestFinal_ex) *final;
};

/* NULL: it is not there, and the message says what to install. For one thread. */
const struct curl_library *load_curl(char *message);
const struct crypto_library *load_crypto(char *message);

#endif
