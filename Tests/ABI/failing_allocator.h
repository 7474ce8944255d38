/* Lets one request for memory fail. */
#ifndef FAILING_ALLOCATOR_H
#define FAILING_ALLOCATOR_H

#include <stddef.h>

/* From now on requests are counted from 0, and this one fails; -1: none. */
void refuse_request(long number);

/* How many there have been since. */
long number_of_requests(void);

/* How much is mapped, of what is large. */
size_t mapped_bytes(void);

#endif
