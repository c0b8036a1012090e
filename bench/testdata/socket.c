// A pair of Unix sockets.
#include "descriptor.h"
#include <sys/socket.h>

static int ends[2];

static void prepare(const char *name)
{
	(void)name;
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
}

static void enter(int side, const char *name)
{
	(void)name;
	in = out = ends[side];
	close(ends[!side]);
}
