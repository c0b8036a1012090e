// A pipe for each direction.
#include "descriptor.h"

static int there[2], back[2];

static void prepare(const char *name)
{
	(void)name;
	check(pipe(there) == 0 && pipe(back) == 0, "pipe");
}

static void enter(int side, const char *name)
{
	(void)name;
	in = side == PING ? back[0] : there[0];
	out = side == PING ? there[1] : back[1];
	close(side == PING ? back[1] : there[1]);
	close(side == PING ? there[0] : back[0]);
}
