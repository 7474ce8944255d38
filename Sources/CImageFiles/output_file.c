/* output_file.c: see include/output_file.h. */
#define _GNU_SOURCE
#include "include/output_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = ".libcolorize-";
static const char suffix[] = ".tmp";

struct output_file {
  int descriptor;
  char *path;
  char *temporary;
};

/* "a/" of "a/b". */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

static int lock(int descriptor, int operation) {
  int result;
  do result = flock(descriptor, operation);
  while (result != 0 && errno == EINTR);
  return result;
}

/* Whether a name is that of the open file. */
static bool is_named(int descriptor, int folder, const char *name) {
  struct stat open_one, named;
  return fstat(descriptor, &open_one) == 0 &&
         fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Whether a name no longer is that of the open file. Where that cannot be known, it is: a file that is given up is left. */
static bool is_lost(int descriptor, const char *name) {
  struct stat open_one, named;
  if (fstat(descriptor, &open_one) != 0) return false;
  if (lstat(name, &named) != 0) return errno == ENOENT;
  return open_one.st_dev != named.st_dev || open_one.st_ino != named.st_ino;
}

/* Makes the temporary file, under a name that is never used again: process ids are, and are not the
 * same in every container. */
static bool make_temporary(output_file *file, mode_t permissions) {
  const size_t length = folder_length(file->path);
  const size_t capacity = length + sizeof prefix + 16 + sizeof suffix;
  file->temporary = malloc(capacity);
  if (file->temporary == NULL) return false;
  for (int attempt = 0; attempt < 100; attempt++) {
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) < 0)
      number = (uint64_t)getpid() << 20 | (unsigned)attempt;
    snprintf(file->temporary, capacity, "%.*s%s%016llx%s", (int)length, file->path, prefix,
             (unsigned long long)number, suffix);
    file->descriptor =
        open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, permissions);
    if (file->descriptor < 0 && errno == EEXIST) continue;
    if (file->descriptor < 0) return false;
    /* Before it was locked, it may have been taken for one that is left over. */
    if (lock(file->descriptor, LOCK_EX) != 0 || !is_lost(file->descriptor, file->temporary))
      return true;
    close(file->descriptor);
    file->descriptor = -1;
  }
  errno = EEXIST;
  return false;
}

/* Gives the new file what the old one has. That its owner cannot be kept is no error; but who may read
 * it must not become more by that. */
static bool keep_ownership(int descriptor, const struct stat *old) {
  mode_t permissions = old->st_mode & 0777;
  struct stat now;
  if (fstat(descriptor, &now) != 0) return false;
  if ((now.st_uid != old->st_uid || now.st_gid != old->st_gid) &&
      fchown(descriptor, old->st_uid, old->st_gid) != 0 &&
      fchown(descriptor, (uid_t)-1, old->st_gid) != 0)
    permissions &= (mode_t)(~0070u | (permissions & 07) << 3);
  /* File systems without permissions refuse to set some. */
  return fchmod(descriptor, permissions) == 0 || errno == EPERM || errno == ENOTSUP;
}

output_file *output_file_open(const char *path, unsigned permissions) {
  output_file *file = calloc(1, sizeof *file);
  if (file == NULL) return NULL;
  file->descriptor = -1;
  file->path = strdup(path);
  struct stat old;
  const bool is_there = stat(path, &old) == 0 && S_ISREG(old.st_mode);
  const mode_t new_ones = permissions == 0 ? 0666 : (permissions & 0666) | 0600;
  if (file->path == NULL || !make_temporary(file, is_there ? 0600 : new_ones) ||
      (is_there && !keep_ownership(file->descriptor, &old))) {
    const int reason = errno;
    output_file_discard(file);
    errno = reason;
    return NULL;
  }
  return file;
}

int output_file_descriptor(const output_file *file) { return file->descriptor; }

static void end(output_file *file) {
  /* Only now may others take its temporary name for one that is left over. */
  if (file->descriptor >= 0) close(file->descriptor);
  free(file->path);
  free(file->temporary);
  free(file);
}

void output_file_discard(output_file *file) {
  if (file == NULL) return;
  if (file->descriptor >= 0) unlink(file->temporary);
  end(file);
}

static bool sync_folder(const char *path) {
  const size_t length = folder_length(path);
  char *folder = length == 0 ? strdup(".") : strndup(path, length);
  if (folder == NULL) return false;
  const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (descriptor < 0) return errno == EACCES; /* a folder that can be written but not read */
  const bool is_synced = fsync(descriptor) == 0 || errno == EINVAL;
  close(descriptor);
  return is_synced;
}

bool output_file_commit(output_file *file, const char *previous, bool is_synced) {
  /* The disk may turn out to be full, or broken, only now. */
  bool is_done = !is_synced || fsync(file->descriptor) == 0;
  if (is_done && previous != NULL) rename(file->path, previous);
  is_done = is_done && rename(file->temporary, file->path) == 0;
  const bool is_named = is_done;
  is_done = is_done && (!is_synced || sync_folder(file->path));
  const int reason = errno;
  if (is_named) end(file);
  else output_file_discard(file);
  errno = reason;
  return is_done;
}

static bool is_temporary(const char *name) {
  const size_t length = strlen(name);
  return length > sizeof prefix + sizeof suffix - 2 &&
         strncmp(name, prefix, sizeof prefix - 1) == 0 &&
         strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

void output_file_clean(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (!is_temporary(entry->d_name)) continue;
    /* For writing, since a lock over NFS needs that; another user's file stays. */
    const int descriptor =
        openat(dirfd(folder), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) continue;
    struct stat status;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
        lock(descriptor, LOCK_EX | LOCK_NB) == 0 &&
        is_named(descriptor, dirfd(folder), entry->d_name))
      unlinkat(dirfd(folder), entry->d_name, 0);
    close(descriptor);
  }
  closedir(folder);
}
