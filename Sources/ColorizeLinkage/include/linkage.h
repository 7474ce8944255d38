/* Nothing: see linkage.c. */
