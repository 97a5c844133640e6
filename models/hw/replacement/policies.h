/*
 * policies.h - one row a replacement policy: the name of the file in this folder and of its struct
 * replacement_NAME. The order is the order in help and lists; the first is the default.
 */
#ifndef MODELS_HW_REPLACEMENT_POLICIES_H
#define MODELS_HW_REPLACEMENT_POLICIES_H

#include "models/hw/replacement.h"

#define REPLACEMENT_LIST(X) \
	X(lru)              \
	X(fifo)             \
	X(random)           \
	X(plru)

#define REPLACEMENT_EXTERN(name) extern const struct replacement_ops replacement_##name;
REPLACEMENT_LIST(REPLACEMENT_EXTERN)
#undef REPLACEMENT_EXTERN

#endif
