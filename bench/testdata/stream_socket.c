// A Unix socket.
#include "stream_descriptor.h"
#include <sys/socket.h>

static int both[2];

static void prepare(const char *name)
{
	(void)name;
	sizes();
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0, "socketpair");
	in = both[0];
	out = both[1];
}

static void enter(int side, const char *name)
{
	(void)name;
	close(side == RECEIVER ? out : in);
}
