// A pipe with room for a megabyte, where the system lets it have that.
#include "stream_descriptor.h"
#include <fcntl.h>

static int both[2];

static void prepare(const char *name)
{
	(void)name;
	sizes();
	check(pipe(both) == 0, "pipe");
	fcntl(both[1], F_SETPIPE_SZ, 1 << 20);
	in = both[0];
	out = both[1];
}

static void enter(int side, const char *name)
{
	(void)name;
	close(side == RECEIVER ? out : in);
}
