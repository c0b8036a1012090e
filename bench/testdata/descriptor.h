// What the peers have in common that pass a token through descriptors. Each side writes to one and reads from one.
#include "pingpong.h"
#include <stdint.h>

static int in, out;
static uint64_t token = 1;

static void send_token(void)
{
	check(write(out, &token, sizeof token) == sizeof token, "write");
}

static void receive_token(void)
{
	check(read(in, &token, sizeof token) == sizeof token, "read");
}

static void ping(void)
{
	send_token();
	receive_token();
}

static void pong(void)
{
	receive_token();
	send_token();
}
