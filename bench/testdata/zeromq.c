// ZeroMQ: a pair of sockets over ipc, at the address NAME.
#include "pingpong.h"
#include <stdint.h>
#include <zmq.h>

static void *end;
static uint64_t token = 1;

static void prepare(const char *name)
{
	(void)name;
}

static void enter(int side, const char *name)
{
	char address[200];
	snprintf(address, sizeof address, "ipc://%s", name);
	end = zmq_socket(zmq_ctx_new(), ZMQ_PAIR);
	check(end && (side == PING ? zmq_bind(end, address) : zmq_connect(end, address)) == 0, address);
}

static void send_token(void)
{
	check(zmq_send(end, &token, sizeof token, 0) == sizeof token, "zmq_send");
}

static void receive_token(void)
{
	check(zmq_recv(end, &token, sizeof token, 0) == sizeof token, "zmq_recv");
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
