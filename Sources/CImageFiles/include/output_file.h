/* output_file.h: files that appear in one piece, when they are complete: written under a temporary name in the same
 * folder, which they lose at the end.
 *
 * C, because image_files.c is, which writes pictures so; the command writes its models and tables so, too.
 */
#ifndef OUTPUT_FILE_H
#define OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct output_file output_file;

/* Begins a file that will take the place of `path`. The file that is there is a regular one, whose permissions the new
 * one gets, and its owner and group as far as this process may give them. If there is none the permissions are
 * `permissions` (0: 0666) under the umask, and can be read and written by the owner in any case.
 *
 * While it is written it is locked (flock), which is how output_file_clean knows that somebody is at work.
 * NULL: errno says why not. */
output_file *output_file_open(const char *path, unsigned permissions);

/* Open for reading and writing; belongs to `file`. */
int output_file_descriptor(const output_file *file);

/* Gives the file its name and ends `file`; false: errno says why not, and nothing is left of it. Readers of the folder
 * see the file that was there, or this one. `previous`, if not NULL, is a name that the file that was there gets.
 * is_synced: the disk has it when this returns; without, a system that crashes in the next half minute may leave an
 * empty file, as after `cp`. */
bool output_file_commit(output_file *file, const char *previous, bool is_synced);

/* Ends `file`, of which nothing is left. NULL is a no-op. */
void output_file_discard(output_file *file);

/* Takes away what processes that were killed have left in a folder: temporary files that nobody has locked. Where the
 * file system knows no locks nothing is taken away. */
void output_file_clean(const char *folder);

#endif
