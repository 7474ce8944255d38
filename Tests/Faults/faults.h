/* Lets one call of the C library fail, in a program that is linked with faults.c. */
#ifndef FAULTS_H
#define FAULTS_H

typedef enum fault_kind {
  FAULT_OPEN,    /* also fopen, fdopen, tmpfile */
  FAULT_READ,    /* also pread, fread */
  FAULT_WRITE,   /* also pwrite, fwrite, fflush, fsync, ftruncate */
  FAULT_CLOSE,   /* also fclose */
  FAULT_RENAME,  /* also link */
  FAULT_STAT,    /* fstat, fchmod */
  FAULT_SEEK,    /* lseek, fseek, fseeko */
  FAULT_THREAD,  /* pthread_create */
  FAULT_ALIGNED, /* posix_memalign at 64 bytes: Memory, and what is left for small objects */
  FAULT_MAP,     /* mmap of a megabyte and more */
  FAULT_MALLOC,  /* malloc, calloc and realloc of C code */
  FAULT_KINDS
} fault_kind;

/* From now on calls are counted from 0, and this one fails; -1: none. */
void fault_set(fault_kind kind, long number);

/* All of the program is C code, whose requests for memory count. */
void fault_take_program(void);

/* How many there have been since. */
long fault_count(fault_kind kind);

#endif
