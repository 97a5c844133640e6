/*
 * replacement.c - the table of replacement policies, from the rows of replacement/policies.h.
 *
 * Not modelled: policies that insert at another place than the newest (RRIP, DIP), that need state a touch
 * and a fill stamp do not hold.
 */
#include "models/hw/replacement.h"

#include "models/hw/replacement/policies.h"

static const struct replacement_ops *const policies[] = {
#define REPLACEMENT_ROW(name) &replacement_##name,
	REPLACEMENT_LIST(REPLACEMENT_ROW)
#undef REPLACEMENT_ROW
};

const struct replacement_ops *replacement_at(size_t i)
{
	return i < ARRAY_LEN(policies) ? policies[i] : NULL;
}

const char *replacement_name(size_t i)
{
	return i < ARRAY_LEN(policies) ? policies[i]->name : NULL;
}
