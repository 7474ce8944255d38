/* Empty: kernel_contract.h says what this target is and why it is C. */
#include "kernel_contract.h"
